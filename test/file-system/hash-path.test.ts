import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileSystemError, hashPath } from '../../src/file-system/index.ts';
import { createHasher, type HashAlgorithm } from '../../src/hash/index.ts';
import { writeNar } from '../../src/nar/index.ts';
import { collect, directory, type FixtureTree, file, patternBytes, toNarNode } from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { removeTree, writeTree } from '../fixture-trees/tree-on-disk.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'narkit-hash-path-'));
});
afterAll(() => removeTree(folder));

function onDisk(tree: FixtureTree): string {
  const path = join(folder, `path-${count++}`);
  writeTree(path, tree);
  return path;
}

async function expectedOf(tree: FixtureTree) {
  const nar = await collect(writeNar(toNarNode(tree)));
  return {
    hash: { algorithm: 'sha256', digest: new Uint8Array(createHash('sha256').update(nar).digest()) },
    narSize: nar.length,
  };
}

const numbered = (length: number, size: (index: number) => number): FixtureTree =>
  directory(Array.from({ length }, (_, index) => [`file-${index}`, file(patternBytes(size(index)))] as const));

/** Those that are hashed here, and those that a second thread hashes; sizes near what goes from one to the other. */
const trees: Readonly<Record<string, () => FixtureTree>> = {
  ...hurtfulTrees,
  'one large file': () => file(patternBytes(9 * 1024 * 1024 + 3)),
  'a few large files': () => numbered(9, (index) => 1024 * 1024 * (index % 3) + index),
  'many small files': () => numbered(1500, (index) => (index * 7919) % 20_000),
  'many small files, then a large one': () =>
    directory({ a: numbered(800, () => 10_000), b: file(patternBytes(6_000_000)), c: numbered(100, () => 10_000) }),
  'a large file, then many small ones': () =>
    directory({ a: file(patternBytes(6_000_000)), b: numbered(800, () => 10_000) }),
  'large files among others': () =>
    directory({
      a: file(patternBytes(3 * 1024 * 1024)),
      b: file(patternBytes(300_000)),
      c: file(patternBytes(2 * 1024 * 1024)),
      d: numbered(30, (index) => 30_000 + index),
      e: file(patternBytes(2 * 1024 * 1024 + 1)),
      f: file(patternBytes(2 * 1024 * 1024 - 1)),
      g: file(patternBytes(8 * 1024 * 1024)),
      h: directory({}),
    }),
  'files just below a slot': () => numbered(60, (index) => 128 * 1024 - index * 16),
  'files just below what is read in one go': () => numbered(40, (index) => 256 * 1024 - index),
};

describe('is the hash of the NAR', () => {
  for (const [name, makeTree] of Object.entries(trees)) {
    test(name, async () => {
      const tree = makeTree();
      expect(await hashPath(onDisk(tree))).toEqual(await expectedOf(tree));
    });
  }

  test('of a NAR as long as all slots, a byte less and more', async () => {
    for (const total of [128 * 1024, 1024 * 1024, 2 * 1024 * 1024]) {
      for (const difference of [-8, 0, 8]) {
        const tree = file(patternBytes(total + difference - 112));
        expect(await hashPath(onDisk(tree))).toEqual(await expectedOf(tree));
      }
    }
  });

  test.each<HashAlgorithm>(['md5', 'sha1', 'sha512', 'blake3'])('by %s', async (algorithm) => {
    const tree = numbered(500, () => 10_000);
    const hasher = createHasher(algorithm);
    hasher.update(await collect(writeNar(toNarNode(tree))));
    expect((await hashPath(onDisk(tree), { algorithm })).hash).toEqual(hasher.digest());
  });

  test('many at once', async () => {
    const tree = trees['many small files']!();
    const path = onDisk(tree);
    const expected = await expectedOf(tree);
    expect(await Promise.all(Array.from({ length: 6 }, () => hashPath(path)))).toEqual(Array(6).fill(expected));
  });
});

describe('what cannot be dumped is thrown', () => {
  test('at once', async () => {
    await expect(hashPath(join(folder, 'nothing'))).rejects.toThrow(FileSystemError);
  });

  test('while another thread hashes', async () => {
    const path = onDisk(directory({ a: trees['many small files']!() }));
    execFileSync('mkfifo', [join(path, 'b')]);
    await expect(hashPath(path)).rejects.toMatchObject({ code: 'file-type', path: join(path, 'b') });
  });
});

describe('a file that changes while it is read ahead is an error', () => {
  const size = 12 * 1024 * 1024;

  test.each([
    ['grows', `grew beyond ${size} bytes`, (path: string) => appendFileSync(path, 'more')],
    ['shrinks', `shrank from ${size} bytes`, (path: string) => truncateSync(path, size - 1)],
    [
      'shrinks to the end of a piece',
      `shrank from ${size} bytes`,
      (path: string) => truncateSync(path, size - 2 * 1024 * 1024),
    ],
  ])('it %s', async (_, words, change) => {
    const path = onDisk(directory({ a: file(new Uint8Array(size)), b: file(new Uint8Array(size)) }));
    const hashing = hashPath(path);
    change(join(path, 'a'));
    const message = `file '${join(path, 'a')}' ${words} while it was read`;
    await expect(hashing).rejects.toMatchObject({ code: 'file-changed', path: join(path, 'a'), message });
    expect(openBelow(path)).toEqual([]);
  });

  function openBelow(path: string): string[] {
    const links = readdirSync('/proc/self/fd').map((descriptor) => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`);
      } catch {
        return ''; // of the directory that is being read
      }
    });
    return links.filter((link) => link.startsWith(path));
  }
});

test('a signal stops it, and timers run meanwhile', async () => {
  const path = onDisk(trees['many small files']!());
  await expect(hashPath(path, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('stop')), 1);
  const long = onDisk(numbered(30, () => 3_000_000));
  await expect(hashPath(long, { signal: controller.signal })).rejects.toThrow('stop');
});
