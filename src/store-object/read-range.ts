/**
 * One file out of a NAR that lies uncompressed in a cache, by one request.
 *
 * A listing says where the contents begin. It is not signed, so the bytes around them are asked for too: a NAR says there what the file
 * is called, whether it is executable, and how long it is. A listing that lies, or is that of another NAR, is found out by that.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { BinaryCacheStore } from '../binary-cache/index.ts';
import { getNarFile } from '../binary-cache/nar-file.ts';
import { concatBytes, equalBytes } from '../bytes/index.ts';
import { writeUint64 } from '../bytes/uint64.ts';
import { encodeFileName } from '../nar/file-name.ts';
import { narTokens, paddingAfter } from '../nar/grammar.ts';
import type { NarListingRegular } from '../nar/index.ts';
import type { NarInfo } from '../narinfo/index.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath } from '../store-path.ts';

/** Contents that can be had without the rest of the NAR. */
export interface FileRange {
  readonly contents: AsyncIterable<Uint8Array>;
}

/**
 * Ask for a file. Answered as soon as the bytes before the contents have come and are right.
 *
 * @param path names joined by `/`; empty for the root.
 * @returns a text that says why not, when the listing does not fit the NAR, or the NAR is not what the narinfo says.
 */
export async function openFileRange(
  cache: BinaryCacheStore,
  info: NarInfo,
  path: string,
  file: NarListingRegular,
  options: AbortOptions,
): Promise<FileRange | string> {
  const before = bytesBefore(path, file);
  const after = bytesAfter(path, file.size);
  const offset = (file.narOffset ?? 0) - before.length;
  const length = before.length + file.size + after.length;
  if (offset < 0 || offset + length > info.narSize) return `it puts '/${path}' outside of the NAR`;

  const full = formatStorePath(info.path, cache.storeDir);
  const context = { uri: cache.uri, path: full };
  const object = await getNarFile(cache.backend, info.url, context, { ...options, range: { offset, length } });
  if (object === undefined) return 'the NAR is absent';
  if (object.contentEncoding !== undefined) return 'the NAR has a Content-Encoding';
  if (object.size !== undefined && object.size !== info.narSize)
    return `the NAR has ${object.size} bytes, and not ${info.narSize}`;

  const reader = new ExactReader(object.body);
  const isRight = await reader.takeExactly(before).catch(async (error: unknown) => {
    await reader.close();
    throw error;
  });
  if (!isRight) {
    await reader.close();
    return `there is no such file at '/${path}' in the NAR where it says`;
  }
  return { contents: contentsOf(reader, file.size, after, () => mismatch(path, context)) };
}

async function* contentsOf(
  reader: ExactReader,
  size: number,
  after: Uint8Array,
  mismatch: () => StoreError,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let left = size; left > 0; ) {
      const chunk = await reader.take(left);
      if (chunk === undefined) throw mismatch();
      left -= chunk.length;
      yield chunk;
    }
    if (!(await reader.takeExactly(after))) throw mismatch();
  } finally {
    await reader.close();
  }
}

function mismatch(path: string, context: { readonly uri: string; readonly path: string }): StoreError {
  const reason = `the NAR of '${context.path}' in '${context.uri}' does not end the file '/${path}' where its listing says`;
  return new StoreError('listing-mismatch', reason, context);
}

/** What a NAR has before the contents of a file, from the file's name on. */
function bytesBefore(path: string, { executable, size }: NarListingRegular): Uint8Array {
  const node = executable ? narTokens.executable : narTokens.regular;
  if (path === '') return concatBytes([narTokens.start, node, encodeSize(size)]);
  const name = encodeFileName(path.slice(path.lastIndexOf('/') + 1));
  const padding = new Uint8Array(paddingAfter(name.length));
  return concatBytes([narTokens.entry, encodeSize(name.length), name, padding, narTokens.node, node, encodeSize(size)]);
}

/** What follows the contents: the end of the node, and of the entry that it is in. */
function bytesAfter(path: string, size: number): Uint8Array {
  const padding = new Uint8Array(paddingAfter(size));
  return concatBytes([padding, narTokens.close, ...(path === '' ? [] : [narTokens.close])]);
}

function encodeSize(size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint64(bytes, 0, size);
  return bytes;
}

/** Takes chunks apart. */
class ExactReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Up to so many bytes, `undefined` at the end. */
  async take(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const result = await this.#chunks.next();
      if (result.done === true) return undefined;
      this.#rest = result.value;
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Are these the next bytes? */
  async takeExactly(expected: Uint8Array): Promise<boolean> {
    for (let from = 0; from < expected.length; ) {
      const taken = await this.take(expected.length - from);
      if (taken === undefined || !equalBytes(taken, expected.subarray(from, from + taken.length))) return false;
      from += taken.length;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
