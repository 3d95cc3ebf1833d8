import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createNarListingBuilder,
  formatNarListing,
  formatNarListingNode,
  formatShallowNarListing,
  locateInListing,
  type NarListing,
  NarListingError,
  parseNarListing,
  writeNar,
} from '../../src/nar/index.ts';
import {
  arbitraryTree,
  collect,
  directory,
  type FixtureTree,
  file,
  symlink,
  toNarNode,
} from '../fixture-trees/fixture-tree.ts';

/** The entries of a listing that is a directory. */
function entriesOf(listing: NarListing): ReadonlyMap<string, NarListing> {
  return listing.type === 'directory' ? listing.entries : new Map();
}

async function listingOf(tree: FixtureTree): Promise<NarListing> {
  const builder = createNarListingBuilder();
  await collect(writeNar(toNarNode(tree), builder));
  return builder.finish();
}

const tree = directory({
  bar: file('foo\n', true),
  d: directory({ empty: directory({}), x: file('') }),
  link: symlink('xyzzy'),
});

test('is printed as Nix 2.34 prints it', async () => {
  const listing = await listingOf(tree);
  const d =
    '"d":{"entries":{"empty":{"entries":{},"type":"directory"},"x":{"narOffset":760,"size":0,"type":"regular"}},"type":"directory"}';
  const link = '"link":{"target":"xyzzy","type":"symlink"}';
  const bar = '"bar":{"executable":true,"narOffset":264,"size":4,"type":"regular"}';
  expect(formatNarListingNode(listing)).toBe(`{"entries":{${bar},${d},${link}},"type":"directory"}`);
  expect(formatNarListing(listing)).toBe(`{"root":{"entries":{${bar},${d},${link}},"type":"directory"},"version":1}`);
  expect(formatShallowNarListing(listing)).toBe('{"entries":{"bar":{},"d":{},"link":{}},"type":"directory"}');
});

test('prints every executable, as later Nix does, when asked', async () => {
  const listing = await listingOf(directory({ a: file('x'), b: file('x', true) }));
  expect(formatNarListingNode(listing, { everyExecutable: true })).toMatch(
    /^\{"entries":\{"a":\{"executable":false,"narOffset":\d+,"size":1,"type":"regular"\},"b":\{"executable":true,/,
  );
});

test('names are escaped and ordered as Nix does', async () => {
  const names = ['\x01\n"\\\x7f', '/'.replace('/', '\u2028'), 'ä', '\uff21', '\u{1f600}', '__proto__', 'constructor'];
  const listing = await listingOf(directory(names.map((name) => [name, symlink('t')] as const)));
  const text = formatShallowNarListing(listing);
  expect(text).toBe(
    '{"entries":{"\\u0001\\n\\"\\\\\x7f":{},"__proto__":{},"constructor":{},"ä":{},"\u2028":{},"\uff21":{},"\u{1f600}":{}},"type":"directory"}',
  );
  const shuffled: NarListing = {
    type: 'directory',
    entries: new Map([...entriesOf(listing)].reverse()),
  };
  expect(formatShallowNarListing(shuffled)).toBe(text);
  expect([...entriesOf(parseNarListing(formatNarListing(listing))).keys()]).toContain('__proto__');
});

test.each<[string, FixtureTree]>([
  ['a name', directory({ d: directory([[Uint8Array.of(0x61, 0xff), file('')]]) })],
  ['a target', directory({ d: directory({ 'a\ufffd': symlink(Uint8Array.of(0xff)) }) })],
])('%s that is not UTF-8 is refused, as Nix does', async (_, of) => {
  const listing = await listingOf(of);
  expect(() => formatNarListing(listing)).toThrow(NarListingError);
  expect(() => formatNarListing(listing)).toThrow(/^NAR listing: 'd\/a.': it is not UTF-8/);
});

test('what is printed is parsed again, for any tree of UTF-8 names', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, async (any) => {
      const listing = await listingOf(any);
      let text: string;
      try {
        text = formatNarListing(listing);
      } catch (error) {
        expect(error).toBeInstanceOf(NarListingError);
        return;
      }
      expect(formatNarListing(parseNarListing(text))).toBe(text);
      expect(parseNarListing(Buffer.from(text))).toEqual(listing);
      expect(parseNarListing(formatNarListingNode(listing))).toEqual(listing);
    }),
  );
});

describe('parsing', () => {
  const file1 = { type: 'regular', size: 1, executable: false };

  test.each<[string, string, NarListing]>([
    [
      'what Nix 2.8 writes',
      '{"version":1,"root":{"type":"regular","size":1,"narOffset":96}}',
      { ...file1, narOffset: 96 } as NarListing,
    ],
    ['no frame, no offset, no executable', '{"type":"regular","size":1}', file1 as NarListing],
    ['an offset of zero is none', '{"type":"regular","size":1,"narOffset":0,"executable":false}', file1 as NarListing],
    ['unknown keys', '{"type":"regular","size":1,"mtime":5}', file1 as NarListing],
    ['space', ' {"type" : "symlink", "target" : "x"}\n', { type: 'symlink', target: 'x' }],
  ])('takes %s', (_, text, listing) => {
    expect(parseNarListing(text)).toEqual(listing);
  });

  test.each<[string, string | Uint8Array, string]>([
    ['what is no JSON', '<html>', 'not JSON'],
    ['nothing', '', 'not JSON'],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'not JSON'],
    ['an array', '[]', 'not a JSON object'],
    ['null', 'null', 'not a JSON object'],
    ['another version', '{"version":2,"root":{}}', 'version 2 is not known'],
    ['a version of text', '{"version":"1","root":{}}', 'version "1" is not known'],
    ['no root', '{"version":1}', 'not a JSON object'],
    ['no type', '{}', 'unknown file type undefined'],
    ['another type', '{"type":"fifo"}', 'unknown file type "fifo"'],
    ['no size', '{"type":"regular"}', 'without a size'],
    ['a size below zero', '{"type":"regular","size":-1}', 'without a size'],
    ['a size with a fraction', '{"type":"regular","size":1.5}', 'without a size'],
    ['a size beyond 2^53', '{"type":"regular","size":9007199254740993}', 'without a size'],
    ['an offset of text', '{"type":"regular","size":1,"narOffset":"5"}', "'narOffset' is no whole number"],
    ['an executable of text', '{"type":"regular","size":1,"executable":"yes"}', "'executable' is neither"],
    ['no target', '{"type":"symlink"}', 'a symlink without a target'],
    [
      'half a surrogate as target',
      '{"type":"symlink","target":"\\ud800"}',
      'a symlink with a target that none can have',
    ],
    ['an empty target', '{"type":"symlink","target":""}', 'a symlink with a target that none can have'],
    [
      'a target too long',
      `{"type":"symlink","target":"${'t'.repeat(4096)}"}`,
      'a symlink with a target that none can have',
    ],
    ['no entries', '{"type":"directory"}', 'a directory without entries'],
    ['entries in an array', '{"type":"directory","entries":[]}', 'a directory without entries'],
    ['an entry that is null', '{"type":"directory","entries":{"a":null}}', "'a': not a JSON object"],
    ...['', '.', '..', 'a/b', 'a\\u0000', '\\ud800', 'x'.repeat(256)].map((name): [string, string, string] => [
      `the name "${name.slice(0, 10)}"`,
      `{"type":"directory","entries":{"${name}":{"type":"symlink","target":"x"}}}`,
      'is not a file name',
    ]),
  ])('refuses %s', (_, text, problem) => {
    expect(() => parseNarListing(text)).toThrow(NarListingError);
    expect(() => parseNarListing(text)).toThrow(problem);
  });

  test('refuses more than 64 levels, however many', () => {
    const nested = (levels: number) =>
      `${'{"type":"directory","entries":{"d":'.repeat(levels)}{"type":"symlink","target":"x"}${'}}'.repeat(levels)}`;
    parseNarListing(nested(63));
    expect(() => parseNarListing(nested(64))).toThrow('nesting exceeds the maximum depth of 64');
    expect(() => parseNarListing(nested(100_000))).toThrow(NarListingError);
  });
});

describe('locating', () => {
  test.each([
    ['', 'directory'],
    ['/', 'directory'],
    ['bar', 'regular'],
    ['/d/x', 'regular'],
    ['d//x/', 'regular'],
    ['link', 'symlink'],
  ])('%j', async (path, type) => {
    expect(locateInListing(await listingOf(tree), path)?.type).toBe(type);
  });

  test.each(['nothing', 'bar/x', 'link/x', 'd/x/y', '..', 'd/../bar', '__proto__', 'constructor'])(
    '%j is not there',
    async (path) => {
      expect(locateInListing(await listingOf(tree), path)).toBeUndefined();
    },
  );
});

test('a builder that saw nothing has no listing', () => {
  expect(() => createNarListingBuilder().finish()).toThrow(TypeError);
});

test('values that are nested deeper than they can be printed', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  for (const text of [`{"version":${deep},"root":{}}`, `{"root":{"type":${deep}},"version":1}`, deep])
    expect(() => parseNarListing(text)).toThrow(NarListingError);
});
