/**
 * Trees for tests, as values: what a NAR can hold, names and targets as bytes.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type NarNode, type NarReadEntry, readNar } from '../../src/nar/index.ts';

export type FixtureTree =
  | { readonly type: 'regular'; readonly executable: boolean; readonly contents: Uint8Array }
  | { readonly type: 'symlink'; readonly target: Uint8Array }
  | { readonly type: 'directory'; readonly entries: readonly (readonly [name: Uint8Array, tree: FixtureTree])[] };

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export function file(contents: string | Uint8Array, executable = false): FixtureTree {
  return { type: 'regular', executable, contents: typeof contents === 'string' ? bytesOf(contents) : contents };
}

export function symlink(target: string | Uint8Array): FixtureTree {
  return { type: 'symlink', target: typeof target === 'string' ? bytesOf(target) : target };
}

export function directory(
  entries: Readonly<Record<string, FixtureTree>> | readonly (readonly [name: string | Uint8Array, tree: FixtureTree])[],
): FixtureTree {
  const pairs = Array.isArray(entries)
    ? (entries as (readonly [string | Uint8Array, FixtureTree])[])
    : Object.entries(entries);
  const bytes = pairs.map(([name, tree]) => [typeof name === 'string' ? bytesOf(name) : name, tree] as const);
  return { type: 'directory', entries: bytes };
}

/** Bytes that differ from place to place, so that a shift or a swap shows. */
export function patternBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) * 7 + (index >> 16)) & 255;
  return bytes;
}

export function toNarNode(tree: FixtureTree): NarNode {
  if (tree.type !== 'directory') return tree;
  return { type: 'directory', entries: tree.entries.map(([name, child]) => [name, toNarNode(child)] as const) };
}

/** A tree as plain text in the order of a NAR, quick to compare: contents as their hashes. */
export function summaryOf(tree: FixtureTree, path = ''): string[] {
  if (tree.type === 'regular') {
    const hash = createHash('sha256').update(tree.contents).digest('hex');
    return [`${path} ${tree.executable ? 'executable' : 'regular'} ${tree.contents.length} ${hash}`];
  }
  if (tree.type === 'symlink') return [`${path} -> ${Buffer.from(tree.target).toString('latin1')}`];
  const entries = tree.entries.map(([name, child]) => [Buffer.from(name).toString('latin1'), child] as const);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return [`${path} directory`, ...entries.flatMap(([name, child]) => summaryOf(child, `${path}/${name}`))];
}

/** The tree that a NAR holds. */
export async function treeOfNar(source: AsyncIterable<Uint8Array>): Promise<FixtureTree> {
  type Growing = { type: 'directory'; entries: [Uint8Array, FixtureTree][] };
  const open = new Map<string, Growing>();
  let root: FixtureTree | undefined;
  for await (const entry of readNar(source)) {
    const tree = await treeOfEntry(entry);
    const slash = entry.path.lastIndexOf('/');
    const parent = open.get(slash === -1 ? '' : entry.path.slice(0, slash));
    if (entry.path === '') root = tree;
    else parent!.entries.push([encode(entry.path.slice(slash + 1)), tree]);
    if (tree.type === 'directory') open.set(entry.path, tree as Growing);
  }
  return root!;
}

async function treeOfEntry(entry: NarReadEntry): Promise<FixtureTree> {
  if (entry.type === 'directory') return { type: 'directory', entries: [] };
  if (entry.type === 'symlink') return { type: 'symlink', target: encode(entry.target) };
  const contents = new Uint8Array(await collect(entry.contents));
  return { type: 'regular', executable: entry.executable, contents };
}

/** Not with `encodeFileName`, which is under test. */
function encode(text: string): Uint8Array {
  const bytes = [...text].flatMap((character) => {
    const codePoint = character.codePointAt(0)!;
    return codePoint >= 0xdc80 && codePoint <= 0xdcff ? [codePoint - 0xdc00] : [...bytesOf(character)];
  });
  return Uint8Array.from(bytes);
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes in chunks of these sizes, over and over. */
export async function* inChunks(
  bytes: Uint8Array,
  ...sizes: readonly number[]
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.slice(from, from + size);
    from += size;
  }
}

const byte = fc.integer({ min: 0, max: 255 });

/** Names as people give them, as UTF-8 allows them, and as bytes that are neither. */
const arbitraryName: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).map(bytesOf),
    fc.constantFrom('a', 'A', 'b', 'ä', 'ａ', '\u{1f600}', '~nix~case~hack~1', 'type', '(', ')').map(bytesOf),
    fc.array(byte, { minLength: 1, maxLength: 255 }).map((bytes) => Uint8Array.from(bytes)),
  )
  .filter((name) => {
    const text = Buffer.from(name).toString('latin1');
    return name.length <= 255 && !/[\0/]/.test(text) && text !== '.' && text !== '..';
  });

const arbitraryContents = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: 3000 }).map(patternBytes),
);

const arbitraryTarget = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 })
  .map((bytes) => Uint8Array.from(bytes));

/** Any tree that a NAR can hold and a Linux disk too. */
export const arbitraryTree: fc.Arbitrary<FixtureTree> = fc.letrec<{ tree: FixtureTree; directory: FixtureTree }>(
  (tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({ type: fc.constant('regular' as const), executable: fc.boolean(), contents: arbitraryContents }),
      fc.record({ type: fc.constant('symlink' as const), target: arbitraryTarget }),
      tie('directory'),
    ),
    directory: fc
      .uniqueArray(fc.tuple(arbitraryName, tie('tree')), {
        maxLength: 6,
        selector: ([name]) => Buffer.from(name).toString('latin1'),
      })
      .map((entries) => ({ type: 'directory' as const, entries })),
  }),
).tree;
