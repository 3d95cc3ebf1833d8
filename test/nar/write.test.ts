import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import knownHashes from '../../fixtures/hurtful-trees.json' with { type: 'json' };
import { encodeNix32 } from '../../src/hash/index.ts';
import { type NarEntry, type NarNode, NarWriteError, type WriteNarOptions, writeNar } from '../../src/nar/index.ts';
import {
  arbitraryTree,
  bytesOf,
  collect,
  directory,
  type FixtureTree,
  file,
  inChunks,
  patternBytes,
  summaryOf,
  symlink,
  toNarNode,
  treeOfNar,
} from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import * as raw from './nar-bytes.ts';

const narOf = (tree: FixtureTree) => collect(writeNar(toNarNode(tree)));

describe('known answers', () => {
  test.each(Object.entries(knownHashes))('of Nix 2.34: %s', async (name, hash) => {
    const nar = await narOf(hurtfulTrees[name]!());
    expect(`sha256-${createHash('sha256').update(nar).digest('base64')}`).toBe(hash);
  });

  test('the tree of Nix’s tests/functional/binary-cache.sh', async () => {
    const debug = directory({ '623eda209c26a59b1a8638ff7752f6b945c26b.debug': file('foo\n') });
    const nar = await narOf(
      directory({ lib: directory({ debug: directory({ '.build-id': directory({ '02': debug }) }) }) }),
    );
    expect(nar.length).toBe(1008);
    const digest = createHash('sha256').update(nar).digest();
    expect(encodeNix32(digest)).toBe('100vxs724qr46phz8m24iswmg9p3785hsyagz0kchf6q6gf06sw6');
  });

  test.each<[string, FixtureTree, raw.Token[]]>([
    ['a file', file('hello\n'), raw.regular('hello\n')],
    ['an empty executable', file('', true), raw.executable('')],
    ['a symlink', symlink('a/b'), raw.symlink('a/b')],
    ['an empty directory', directory({}), raw.directory()],
    [
      'a directory, in byte order',
      directory({ b: file('1'), '\u{1f600}': file('2'), '\uff21': symlink('x'), B: directory({ c: file('') }) }),
      raw.directory(
        raw.entry('B', raw.directory(raw.entry('c', raw.regular('')))),
        raw.entry('b', raw.regular('1')),
        raw.entry('\uff21', raw.symlink('x')),
        raw.entry('\u{1f600}', raw.regular('2')),
      ),
    ],
  ])('%s', async (_, tree, tokens) => {
    expect(await narOf(tree)).toEqual(raw.nar(...tokens));
  });
});

describe('a tree made to hurt comes back', () => {
  for (const [name, makeTree] of Object.entries(hurtfulTrees)) {
    test(name, async () => {
      const tree = makeTree();
      expect(summaryOf(await treeOfNar(writeNar(toNarNode(tree))))).toEqual(summaryOf(tree));
    });
  }
});

test('any tree comes back, and has one NAR', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, async (tree) => {
      const nar = await narOf(tree);
      const read = await treeOfNar(inChunks(nar, 100));
      expect(summaryOf(read)).toEqual(summaryOf(tree));
      expect(await narOf(read)).toEqual(nar);
    }),
    { numRuns: 300 },
  );
});

test('entries are told with the offsets that their contents have', async () => {
  const entries: NarEntry[] = [];
  const nar = await collect(
    writeNar(toNarNode(directory({ bar: file('foo\n'), link: symlink('xyzzy') })), {
      onEntry: (entry) => entries.push(entry),
    }),
  );
  expect(entries).toEqual([
    { type: 'directory', path: '' },
    { type: 'regular', path: 'bar', size: 4, executable: false, narOffset: 232 },
    { type: 'symlink', path: 'link', target: 'xyzzy' },
  ]);
  expect(nar.subarray(232, 236).toString()).toBe('foo\n');
});

describe('what a node may be', () => {
  const contents = bytesOf('contents');
  const expected = raw.nar(...raw.directory(raw.entry('ä', raw.regular('contents'))));

  test('names as text or bytes, entries in a Map, an array or a stream, contents as a stream', async () => {
    const node: NarNode = { type: 'regular', contents: inChunks(contents, 3), size: 8 };
    expect(await collect(writeNar({ type: 'directory', entries: new Map([['ä', node]]) }))).toEqual(expected);
    async function* entries() {
      yield [bytesOf('ä'), { type: 'regular', contents }] as const;
    }
    expect(await collect(writeNar({ type: 'directory', entries: entries() }))).toEqual(expected);
  });

  test('text with escapes, as a reader gives it', async () => {
    const tree = directory([[Uint8Array.of(0xff), symlink(Uint8Array.of(0x80))]]);
    const node: NarNode = { type: 'directory', entries: [['\udcff', { type: 'symlink', target: '\udc80' }]] };
    expect(await collect(writeNar(node))).toEqual(await narOf(tree));
  });
});

describe('what a NAR cannot hold is refused by its path', () => {
  async function problemOf(node: NarNode, options?: WriteNarOptions): Promise<{ path: string; message: string }> {
    const failure = await collect(writeNar(node, options)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NarWriteError);
    return failure as NarWriteError;
  }
  const within = (name: string | Uint8Array, node: NarNode = { type: 'directory', entries: [] }): NarNode => ({
    type: 'directory',
    entries: [['d', { type: 'directory', entries: [[name, node]] }]],
  });

  test.each(['', '.', '..', 'a/b', '/', 'a\0', 'x'.repeat(256)])('a name: %j', async (name) => {
    const problem = await problemOf(within(name));
    expect(problem.path).toBe('d');
    expect(problem.message).toBe(
      `cannot write 'd' into a NAR: '${name.replace('\0', '\ufffd')}' is not a file name that a NAR can have`,
    );
  });

  test.each(['', 'a\0b', 't'.repeat(4096)])('a target: %j', async (target) => {
    const problem = await problemOf(within('link', { type: 'symlink', target }));
    expect(problem).toMatchObject({
      path: 'd/link',
      message: expect.stringContaining('its target is empty, has a NUL, or is longer'),
    });
  });

  test('a name that is there twice, as text and as bytes', async () => {
    const node: NarNode = { type: 'symlink', target: 'x' };
    const entries = [
      ['a', node],
      ['b', node],
      [bytesOf('a'), node],
    ] as const;
    const problem = await problemOf({ type: 'directory', entries });
    expect(problem.message).toBe("cannot write '/' into a NAR: it has two entries of the name 'a'");
  });

  test('64 levels under the root', async () => {
    let tree: NarNode = { type: 'symlink', target: 'x' };
    for (let level = 0; level < 63; level++) tree = { type: 'directory', entries: [['d', tree]] };
    await collect(writeNar(tree));
    const problem = await problemOf({ type: 'directory', entries: [['d', tree]] });
    expect(problem.path).toBe(Array(64).fill('d').join('/'));
    expect(problem.message).toContain('exceeds the maximum NAR directory depth of 64');
  });

  test('contents that are longer or shorter than they should be', async () => {
    const node = (size: number): NarNode =>
      within('f', { type: 'regular', size, contents: inChunks(patternBytes(100), 7) });
    expect((await problemOf(node(99))).message).toBe(
      "cannot write 'd/f' into a NAR: its contents are longer than the 99 bytes that it should have",
    );
    expect((await problemOf(node(101))).message).toBe(
      "cannot write 'd/f' into a NAR: its contents end after 100 of 101 bytes",
    );
    await collect(writeNar(node(100)));
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53, undefined])('a size of %s is misuse', async (size) => {
    const contents = inChunks(patternBytes(1), 1);
    await expect(collect(writeNar({ type: 'regular', size, contents }))).rejects.toThrow(TypeError);
  });
});

describe('while it runs', () => {
  test('chunks are of bounded size, and none is written to again', async () => {
    const contents = patternBytes(2_000_000);
    const node: NarNode = { type: 'regular', contents };
    const kept: { chunk: Uint8Array; copy: Buffer }[] = [];
    for await (const chunk of writeNar(node)) {
      expect(chunk.length).toBeLessThanOrEqual(256 * 1024);
      expect(chunk.buffer).not.toBe(contents.buffer);
      kept.push({ chunk, copy: Buffer.from(chunk) });
    }
    for (const { chunk, copy } of kept) expect(copy.equals(chunk)).toBe(true);
  });

  test('who stops early ends the contents too', async () => {
    let ended = false;
    async function* contents() {
      try {
        for (;;) yield patternBytes(100_000);
      } finally {
        ended = true;
      }
    }
    for await (const _ of writeNar({ type: 'regular', size: 2 ** 40, contents: contents() })) break;
    expect(ended).toBe(true);
  });

  test('what the contents throw is thrown, and a signal stops it', async () => {
    async function* failing() {
      yield patternBytes(10);
      throw new Error('the disk is gone');
    }
    const node: NarNode = { type: 'regular', size: 20, contents: failing() };
    await expect(collect(writeNar(node))).rejects.toThrow('the disk is gone');
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(collect(writeNar({ type: 'symlink', target: 'x' }, { signal }))).rejects.toThrow('stop');
  });
});
