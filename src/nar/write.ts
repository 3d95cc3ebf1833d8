/**
 * Writing a NAR from a tree.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { compareBytes } from '../bytes/bytes.ts';
import type { NarEntry } from './entry.ts';
import { decodeFileName, encodeFileName } from './file-name.ts';
import { isEntryName, isSymlinkTarget, maximumDepth, narTokens } from './grammar.ts';
import { NarWriteError } from './nar-error.ts';
import { defaultChunkSize, NarOutput } from './output.ts';

/** A regular file to write. */
export interface NarRegularNode {
  readonly type: 'regular';
  readonly executable?: boolean | undefined;
  readonly contents: Uint8Array | AsyncIterable<Uint8Array>;
  /** Bytes of the contents; may be left out when they are given as one array. */
  readonly size?: number | undefined;
}

/** A symlink to write. */
export interface NarSymlinkNode {
  readonly type: 'symlink';
  readonly target: string | Uint8Array;
}

/** A directory to write. The entries may come in any order (a Map will do): the writer sorts them. */
export interface NarDirectoryNode {
  readonly type: 'directory';
  readonly entries:
    | Iterable<readonly [name: string | Uint8Array, node: NarNode]>
    | AsyncIterable<readonly [name: string | Uint8Array, node: NarNode]>;
}

/** A tree to write. Contents and entries are asked for when their turn comes. */
export type NarNode = NarRegularNode | NarSymlinkNode | NarDirectoryNode;

/** How to write. */
export interface WriteNarOptions extends AbortOptions {
  /** Called for each object when its place in the NAR is known: makes a listing of what is written. */
  readonly onEntry?: ((entry: NarEntry) => void) | undefined;
}

/**
 * The NAR of a tree, byte for byte what Nix would write, in chunks of bounded size.
 *
 * @throws {@link NarWriteError} for a name that is empty, `.`, `..`, too long, twice there, or has a `/` or NUL; for a target that is
 * empty, too long or has a NUL; for more than 64 levels; for contents that are not as long as `size` says.
 * @example
 * ```ts
 * const nar = writeNar({
 *   type: 'directory',
 *   entries: new Map([['hello', { type: 'regular', contents: new TextEncoder().encode('hello\n') }]]),
 * });
 * ```
 */
export async function* writeNar(
  root: NarNode,
  options: WriteNarOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const output = new NarOutput(() => new Uint8Array(defaultChunkSize));
  output.write(narTokens.start);
  yield* writeNode(output, root, '', 0, options);
  yield* output.finish();
}

async function* writeNode(
  output: NarOutput,
  node: NarNode,
  path: string,
  depth: number,
  options: WriteNarOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  options.signal?.throwIfAborted();
  if (depth >= maximumDepth)
    throw new NarWriteError(`it exceeds the maximum NAR directory depth of ${maximumDepth}`, path);
  if (node.type === 'regular') yield* writeRegular(output, node, path, options);
  else if (node.type === 'symlink') writeSymlink(output, node, path, options);
  else if (node.type === 'directory') yield* writeDirectory(output, node, path, depth, options);
  else throw new TypeError(`'${path}' is of no type that a NAR has`);
  output.write(narTokens.close);
}

async function* writeRegular(
  output: NarOutput,
  node: NarRegularNode,
  path: string,
  options: WriteNarOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { contents, executable = false } = node;
  const size = node.size ?? (contents instanceof Uint8Array ? contents.length : undefined);
  if (size === undefined || !Number.isSafeInteger(size) || size < 0)
    throw new TypeError(`'${path}' has the size ${size}, not a whole number from 0 to 2^53 - 1`);
  output.write(executable ? narTokens.executable : narTokens.regular);
  output.writeSize(size);
  options.onEntry?.({ type: 'regular', path, size, executable, narOffset: output.offset });
  let written = 0;
  for await (const chunk of contents instanceof Uint8Array ? [contents] : contents) {
    options.signal?.throwIfAborted();
    written += chunk.length;
    if (written > size)
      throw new NarWriteError(`its contents are longer than the ${size} bytes that it should have`, path);
    for (let from = 0; from < chunk.length; from += output.chunkSize) {
      output.write(chunk.subarray(from, from + output.chunkSize));
      yield* output.take();
    }
  }
  if (written < size) throw new NarWriteError(`its contents end after ${written} of ${size} bytes`, path);
  output.writePadding(size);
}

function writeSymlink(output: NarOutput, node: NarSymlinkNode, path: string, options: WriteNarOptions): void {
  const target = typeof node.target === 'string' ? encodeFileName(node.target) : node.target;
  if (!isSymlinkTarget(target))
    throw new NarWriteError('its target is empty, has a NUL, or is longer than 4095 bytes', path);
  output.write(narTokens.symlink);
  output.writeString(target);
  options.onEntry?.({ type: 'symlink', path, target: decodeFileName(target) });
}

async function* writeDirectory(
  output: NarOutput,
  node: NarDirectoryNode,
  path: string,
  depth: number,
  options: WriteNarOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const entries: { readonly name: Uint8Array; readonly node: NarNode }[] = [];
  for await (const [name, child] of node.entries)
    entries.push({ name: typeof name === 'string' ? encodeFileName(name) : name, node: child });
  entries.sort((left, right) => compareBytes(left.name, right.name));

  output.write(narTokens.directory);
  options.onEntry?.({ type: 'directory', path });
  let previous: Uint8Array | undefined;
  for (const { name, node: child } of entries) {
    const text = decodeFileName(name);
    if (!isEntryName(name)) throw new NarWriteError(`'${text}' is not a file name that a NAR can have`, path);
    if (previous !== undefined && compareBytes(previous, name) === 0)
      throw new NarWriteError(`it has two entries of the name '${text}'`, path);
    previous = name;
    output.write(narTokens.entry);
    output.writeString(name);
    output.write(narTokens.node);
    yield* writeNode(output, child, path === '' ? text : `${path}/${text}`, depth + 1, options);
    output.write(narTokens.close);
    yield* output.take();
  }
}
