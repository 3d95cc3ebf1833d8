import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dumpPath, FileSystemError, type RestoreOptions, restorePath } from '../../src/file-system/index.ts';
import { createNarRestorer } from '../../src/file-system/nar-restorer.ts';
import { type NarEntry, NarFormatError, writeNar } from '../../src/nar/index.ts';
import {
  arbitraryTree,
  collect,
  directory,
  type FixtureTree,
  file,
  inChunks,
  patternBytes,
  summaryOf,
  symlink,
  toNarNode,
} from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { readTree, removeTree } from '../fixture-trees/tree-on-disk.ts';
import * as raw from '../nar/nar-bytes.ts';
import { describePeer } from '../peers/peers.ts';

let folder: string;
let count = 0;
let umask: number;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'narkit-restore-'));
});
afterAll(() => removeTree(folder));
beforeEach(() => {
  umask = process.umask(0o022);
});
afterEach(() => process.umask(umask));

/** A path that does not exist, in a folder where nothing else is. */
function freshPath(): string {
  const parent = join(folder, `folder-${count++}`);
  mkdirSync(parent);
  return join(parent, 'restored');
}

const narOf = (tree: FixtureTree) => writeNar(toNarNode(tree));

async function restored(tree: FixtureTree, options?: RestoreOptions): Promise<string> {
  const path = freshPath();
  await restorePath(narOf(tree), path, options);
  return path;
}

/** What restoring throws; nothing may be left beside the destination. */
async function failureOf(source: AsyncIterable<Uint8Array>, options?: RestoreOptions): Promise<unknown> {
  const path = freshPath();
  const failure = await restorePath(source, path, options).then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  expect(readdirSync(join(path, '..'))).toEqual([]);
  return failure;
}

describe('a tree made to hurt comes back, and nothing is beside it', () => {
  for (const [name, makeTree] of Object.entries(hurtfulTrees)) {
    test(name, async () => {
      const tree = makeTree();
      const path = await restored(tree);
      expect(summaryOf(readTree(path))).toEqual(summaryOf(tree));
      expect(readdirSync(join(path, '..'))).toEqual(['restored']);
      const again = await collect(dumpPath(path));
      expect(again.equals(await collect(narOf(tree)))).toBe(true);
      removeTree(path);
    });
  }
});

test('any tree → disk → NAR is the identity', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, fc.boolean(), fc.boolean(), async (tree, canonical, useCaseHack) => {
      const path = await restored(tree, { canonical });
      expect(await collect(dumpPath(path))).toEqual(await collect(narOf(tree)));
      removeTree(path);
      if (!useCaseHack || JSON.stringify(summaryOf(tree)).includes('~nix~case~hack~')) return;
      const hacked = await restored(tree, { canonical, useCaseHack });
      expect(await collect(dumpPath(hacked, { useCaseHack }))).toEqual(await collect(narOf(tree)));
      removeTree(hacked);
    }),
    { numRuns: 150 },
  );
});

describe('modes and times', () => {
  const tree = directory({ d: directory({ x: file('1', true) }), f: file('2'), l: symlink('nowhere') });
  const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

  test('canonical: as a Nix store has them, under any umask', async () => {
    for (const mask of [0o022, 0o077, 0]) {
      process.umask(mask);
      const path = await restored(tree, { canonical: true });
      expect(['', 'd', 'd/x', 'f'].map((name) => modeOf(join(path, name)))).toEqual(['555', '555', '555', '444']);
      for (const name of ['', 'd', 'd/x', 'f', 'l']) expect(lstatSync(join(path, name)).mtimeMs).toBe(1000);
    }
  });

  test('canonical, of a file or symlink alone', async () => {
    const executable = await restored(file('x', true), { canonical: true });
    expect([modeOf(executable), lstatSync(executable).mtimeMs, lstatSync(executable).nlink]).toEqual(['555', 1000, 1]);
    expect(lstatSync(await restored(symlink('x'), { canonical: true })).mtimeMs).toBe(1000);
  });

  test('otherwise as nix-store --restore gives them', async () => {
    const before = Date.now() - 5000;
    const path = await restored(tree);
    expect(['', 'd', 'd/x', 'f'].map((name) => modeOf(join(path, name)))).toEqual(['755', '755', '755', '644']);
    for (const name of ['', 'd', 'd/x', 'f', 'l']) expect(lstatSync(join(path, name)).mtimeMs).toBeGreaterThan(before);
    process.umask(0o077);
    const masked = await restored(tree);
    expect(['', 'd', 'd/x', 'f'].map((name) => modeOf(join(masked, name)))).toEqual(['700', '700', '711', '600']);
  });
});

describe('what exists is never written to', () => {
  const kinds: Readonly<Record<string, FixtureTree>> = {
    'a directory': directory({ a: file('new') }),
    'a file': file('new'),
    'a symlink': symlink('new'),
  };
  for (const [name, tree] of Object.entries(kinds)) {
    test(`${name}, onto anything`, async () => {
      const elsewhere = freshPath();
      for (const make of [
        (path: string) => writeFileSync(path, 'old'),
        (path: string) => mkdirSync(path),
        (path: string) => symlinkSync('nowhere', path),
        (path: string) => symlinkSync(elsewhere, path),
        (path: string) => symlinkSync('..', path),
      ]) {
        const path = freshPath();
        make(path);
        const before = lstatSync(path);
        const failure = await restorePath(narOf(tree), path).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(FileSystemError);
        expect(failure).toMatchObject({ code: 'file-exists', path, message: `creating '${path}': File exists` });
        expect(lstatSync(path)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
        expect(readdirSync(join(path, '..'))).toEqual(['restored']);
      }
      expect(readdirSync(join(elsewhere, '..'))).toEqual([]);
    });

    test(`${name}, onto what appears meanwhile`, async () => {
      const path = freshPath();
      async function* source() {
        yield* narOf(tree);
        mkdirSync(path);
        writeFileSync(join(path, 'other'), 'old');
      }
      await expect(restorePath(source(), path)).rejects.toMatchObject({ code: 'file-exists' });
      expect(readdirSync(path)).toEqual(['other']);
      expect(readdirSync(join(path, '..'))).toEqual(['restored']);
    });
  }

  test('nothing appears before the source has ended well', async () => {
    const path = freshPath();
    async function* source() {
      yield* narOf(kinds['a directory']!);
      expect(() => lstatSync(path)).toThrow('ENOENT');
    }
    await restorePath(source(), path);
    expect(readdirSync(path)).toEqual(['a']);
  });
});

test('the destination may be bytes, relative, and lie behind a symlink', async () => {
  const parent = join(freshPath(), '..');
  symlinkSync(parent, `${parent}-link`);
  await restorePath(narOf(file('1')), Buffer.concat([Buffer.from(`${parent}/`), Buffer.of(0xff)]));
  await restorePath(narOf(file('2')), `../../../../../../../../../..${parent}/b/`);
  await restorePath(narOf(file('3')), `${parent}-link/c`);
  expect(readdirSync(parent, 'latin1').sort()).toEqual(['b', 'c', '\xff']);
  await expect(restorePath(narOf(file('x')), '')).rejects.toThrow(TypeError);
});

test('a destination whose folder is missing is an error that says so', async () => {
  const path = join(freshPath(), 'b');
  const failure = await restorePath(narOf(file('x')), path).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'file-unwritable', systemCode: 'ENOENT' });
});

describe('what fails leaves nothing', () => {
  const tree = directory({
    a: directory({ b: file(patternBytes(100_000)) }),
    c: symlink('x'),
    z: file(patternBytes(100_000)),
  });

  test('a NAR cut short, anywhere', async () => {
    const nar = await collect(narOf(tree));
    for (let length = 0; length < nar.length; length += 997) {
      expect(await failureOf(inChunks(nar.subarray(0, length), 5000), { canonical: true })).toBeInstanceOf(
        NarFormatError,
      );
    }
    expect(await failureOf(inChunks(nar.subarray(0, -1), 5000))).toBeInstanceOf(NarFormatError);
  });

  test('a NAR that other data follows', async () => {
    const nar = await collect(narOf(tree));
    expect(await failureOf(inChunks(Buffer.concat([nar, Buffer.from('x')]), 5000))).toBeInstanceOf(NarFormatError);
  });

  test('a source that throws, at its very end too', async () => {
    async function* source() {
      yield* narOf(tree);
      throw new Error('hash mismatch');
    }
    expect(await failureOf(source(), { canonical: true })).toMatchObject({ message: 'hash mismatch' });
  });

  test('a signal, before and meanwhile', async () => {
    expect(await failureOf(narOf(tree), { signal: AbortSignal.abort(new Error('stop')) })).toMatchObject({
      message: 'stop',
    });
    const controller = new AbortController();
    async function* source() {
      for await (const chunk of inChunks(await collect(narOf(tree)), 5000)) {
        yield chunk;
        controller.abort(new Error('stop'));
      }
    }
    expect(await failureOf(source(), { signal: controller.signal, canonical: true })).toMatchObject({
      message: 'stop',
    });
  });

  test('no descriptor either', async () => {
    const open = () => execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' });
    const nar = await collect(narOf(tree));
    for (const length of [300, 1000, 150_000, nar.length - 1]) await failureOf(inChunks(nar.subarray(0, length), 5000));
    expect(open()).not.toContain(folder);
  });
});

describe('hostile NARs stay inside', () => {
  const outside = (...tokens: readonly raw.Token[]) => inChunks(raw.nar(...tokens), 1000);

  test.each(['..', '.', '', '../x', '/tmp/x', 'a/../../x', 'a\0'])('the name %j', async (name) => {
    expect(await failureOf(outside(...raw.directory(raw.entry(name, raw.regular('x')))))).toBeInstanceOf(
      NarFormatError,
    );
  });

  test('a symlink and then a directory of its name', async () => {
    const elsewhere = freshPath();
    mkdirSync(elsewhere);
    const link = raw.entry('a', raw.symlink(elsewhere));
    const through = raw.entry('a', raw.directory(raw.entry('x', raw.regular('x'))));
    expect(await failureOf(outside(...raw.directory(link, through)))).toBeInstanceOf(NarFormatError);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test('symlinks are made as they are, and not followed', async () => {
    const path = await restored(directory({ a: symlink('/etc'), b: symlink('../../..'), c: symlink('a/passwd') }), {
      canonical: true,
    });
    expect(['a', 'b', 'c'].map((name) => readlinkSync(join(path, name)))).toEqual(['/etc', '../../..', 'a/passwd']);
  });
});

describe('the case hack', () => {
  const tree = hurtfulTrees['names that differ in case']!();

  test('gives the second and later of such names a suffix', async () => {
    const path = await restored(tree, { useCaseHack: true });
    expect(readdirSync(path).sort()).toEqual(['FOO', 'Foo~nix~case~hack~1', 'foo~nix~case~hack~2']);
    expect(readFileSync(join(path, 'Foo~nix~case~hack~1/a~nix~case~hack~1/foo'), 'utf8')).toBe('3');
    expect(await collect(dumpPath(path, { useCaseHack: true }))).toEqual(await collect(narOf(tree)));
  });

  test('folds ASCII letters alone', async () => {
    const path = await restored(directory({ Ä: file('1'), ä: file('2') }), { useCaseHack: true });
    expect(readdirSync(path).sort()).toEqual(['Ä', 'ä'].sort());
  });

  test('that would take the name of another entry is refused', async () => {
    const collision = directory({ Test: file('1'), 'Test~nix~case~hack~1': file('2'), test: file('3') });
    const failure = await failureOf(narOf(collision), { useCaseHack: true });
    expect(failure).toMatchObject({ code: 'file-name-collision', path: 'test' });
    await restored(collision, { useCaseHack: false });
  });
});

describePeer('root', 'on a file system of 64 KiB', () => {
  let small: string;
  beforeAll(() => {
    small = mkdtempSync(join(tmpdir(), 'narkit-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]);
  });
  afterAll(() => {
    execFileSync('umount', [small]);
    rmdirSync(small);
  });

  test('what has no room leaves nothing, and says of which file', async () => {
    const tree = directory({ a: directory({ b: file('x') }), c: file(patternBytes(100_000)) });
    const failure = await restorePath(narOf(tree), join(small, 'x'), { canonical: true }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'file-unwritable', path: 'c', systemCode: 'ENOSPC' });
    expect((failure as Error).message).toBe("restoring 'c': ENOSPC: no space left on device");
    expect(readdirSync(small)).toEqual([]);
  });
});

test('names that the file system takes for one are refused, whatever they are', () => {
  const entries: Record<string, NarEntry> = {
    'a file': { type: 'regular', path: 'x', size: 0, executable: false, narOffset: 0 },
    'a directory': { type: 'directory', path: 'x' },
    'a symlink': { type: 'symlink', path: 'x', target: '/etc' },
  };
  for (const first of Object.values(entries)) {
    for (const second of Object.values(entries)) {
      const restorer = createNarRestorer(freshPath(), { canonical: false, useCaseHack: false });
      restorer.onEntry({ type: 'directory', path: '' });
      restorer.onEntry(first);
      restorer.onEntryEnd();
      // A parser never tells the same name twice; a file system that folds case or Unicode makes it so.
      expect(() => restorer.onEntry(second)).toThrow(
        /restoring 'x': the file system takes its name for that of another/,
      );
      restorer.close();
    }
  }
});

test('timers run', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await restored(hurtfulTrees['ten thousand entries']!());
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});
