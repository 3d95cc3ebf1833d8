/**
 * Dump, restore, hash and listing beside the real Nix of each generation.
 */
import { lstatSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpPath, hashPath, restorePath } from '../../src/file-system/index.ts';
import { formatHash } from '../../src/hash/index.ts';
import {
  createNarListingBuilder,
  formatNarListingNode,
  type NarListing,
  parseNarListing,
  writeNar,
} from '../../src/nar/index.ts';
import {
  collect,
  directory,
  type FixtureTree,
  file,
  inChunks,
  summaryOf,
  symlink,
  toNarNode,
} from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { modesOf, readTree, removeTree, writeTree } from '../fixture-trees/tree-on-disk.ts';
import * as raw from '../nar/nar-bytes.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix, type Nix } from '../peers/peers.ts';

let folder: string;
let count = 0;
const onDisk = new Map<FixtureTree, string>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'narkit-nix-'));
});
afterAll(() => removeTree(folder));

const freshPath = () => join(folder, `path-${count++}`);
const trees = Object.entries(hurtfulTrees).map(([name, makeTree]) => ({ name, tree: makeTree() }));
const narOf = (tree: FixtureTree) => collect(writeNar(toNarNode(tree)));

/** The tree on disk, written once. */
function pathOf(tree: FixtureTree): string {
  const path = onDisk.get(tree) ?? freshPath();
  if (!onDisk.has(tree)) writeTree(path, tree);
  onDisk.set(tree, path);
  return path;
}

/** A place for the Nix of a suite. */
function placeFor(nix: Nix): () => NixPlace {
  let place: NixPlace;
  beforeAll(async () => {
    place = await createNixPlace(nix);
  });
  afterAll(() => place.remove());
  return () => place;
}

/** Nix 2.8 has another name for it. */
const packCommand = ({ version }: Nix) => (version === '2.8' ? ['nar', 'dump-path'] : ['nar', 'pack']);

describeNix('a tree made to hurt', (nix) => {
  const place = placeFor(nix);
  // A path of 12,000 bytes: all three hand it to the system in one piece when they dump, 2.34 no more when it restores.
  const shortPaths = trees.filter(({ name }) => name !== 'a deep tree with long names');

  test.each(shortPaths)('is dumped and hashed alike: $name', async ({ tree }) => {
    const path = pathOf(tree);
    const { stdout: nar } = await place().run('nix-store', ['--dump', path]);
    expect((await collect(dumpPath(path))).equals(nar)).toBe(true);
    expect((await place().run('nix', [...packCommand(nix), path])).stdout.equals(nar)).toBe(true);
    const { hash, narSize } = await hashPath(path);
    expect(narSize).toBe(nar.length);
    const { stdout: printed } = await place().run('nix', ['hash', 'path', path]);
    expect(formatHash(hash, 'sri')).toBe(printed.toString().trim());
  });

  test.each(nix.version === '2.34' ? trees : shortPaths)('is restored alike: $name', async ({ tree }) => {
    const nar = await narOf(tree);
    const [ours, theirs] = [freshPath(), freshPath()];
    await restorePath(inChunks(nar, 65_536), ours);
    await place().run('nix-store', ['--restore', theirs], { input: nar });
    expect(summaryOf(readTree(ours))).toEqual(summaryOf(readTree(theirs)));
    expect(modesOf(ours)).toEqual(modesOf(theirs));
    removeTree(ours);
    removeTree(theirs);
  });

  test.each(trees)('is listed alike: $name', async ({ tree }) => {
    const builder = createNarListingBuilder();
    const nar = await collect(writeNar(toNarNode(tree), builder));
    const archive = freshPath();
    writeFileSync(archive, nar);
    const result = await place().run('nix', ['nar', 'ls', '--json', '--recursive', archive, '/'], { mayFail: true });
    const theirs = result.stdout.toString().trim();
    if (!isUtf8(tree)) {
      expect(() => formatNarListingNode(builder.finish())).toThrow('is not UTF-8');
      // Nix 2.8 prints the bytes as they are, which is no JSON.
      if (nix.version !== '2.8') expect(result.stderr).toContain('invalid UTF-8 byte');
    } else if (nix.version === '2.8') expect(parseNarListing(theirs)).toEqual(builder.finish());
    else expect(formatNarListingNode(builder.finish())).toBe(theirs);
  });
});

/** Are all names and targets UTF-8? */
function isUtf8(tree: FixtureTree): boolean {
  const isText = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString()).equals(bytes);
  if (tree.type === 'symlink') return isText(tree.target);
  return tree.type === 'regular' || tree.entries.every(([name, child]) => isText(name) && isUtf8(child));
}

describeNix('a canonical restore', (nix) => {
  const place = placeFor(nix);

  test('has the modes and times that the store has', async () => {
    const tree = directory({
      bin: directory({ run: file('#!/bin/sh\n', true), plain: file('x') }),
      empty: directory({}),
      link: symlink('bin/run'),
      dangling: symlink('nowhere'),
    });
    const add = nix.version === '2.34' ? ['store', 'add'] : ['store', 'add-path'];
    const { stdout } = await place().run('nix', [...add, pathOf(tree)]);
    const theirs = stdout.toString().trim();
    const ours = freshPath();
    await restorePath(writeNar(toNarNode(tree)), ours, { canonical: true });
    for (const name of ['', 'bin', 'bin/run', 'bin/plain', 'empty', 'link', 'dangling']) {
      const { mode, mtimeMs } = lstatSync(join(theirs, name));
      expect(lstatSync(join(ours, name)), name).toMatchObject({ mode, mtimeMs });
    }
    const { hash } = await hashPath(theirs);
    const { stdout: infos } = await place().run('nix', ['path-info', '--json', theirs]);
    expect(infos.toString()).toContain(formatHash(hash, 'sri'));
  });
});

describeNix('the case hack', (nix) => {
  const place = placeFor(nix);
  const hack = ['--option', 'use-case-hack', 'true'];
  const tree = hurtfulTrees['names that differ in case']!();

  test('gives the same names, and takes them away again', async () => {
    const nar = await narOf(tree);
    const [ours, theirs] = [freshPath(), freshPath()];
    await restorePath(inChunks(nar, 1000), ours, { useCaseHack: true });
    await place().run('nix-store', [...hack, '--restore', theirs], { input: nar });
    expect(summaryOf(readTree(ours))).toEqual(summaryOf(readTree(theirs)));
    expect((await place().run('nix-store', [...hack, '--dump', ours])).stdout.equals(nar)).toBe(true);
    expect((await collect(dumpPath(theirs, { useCaseHack: true }))).equals(nar)).toBe(true);
  });

  test('finds the same collisions when dumping', async () => {
    const path = freshPath();
    writeTree(path, directory({ a: file('1'), 'a~nix~case~hack~1': file('2') }));
    const { exitCode, stderr } = await place().run('nix-store', [...hack, '--dump', path], { mayFail: true });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('file name collision');
    await expect(collect(dumpPath(path, { useCaseHack: true }))).rejects.toThrow('file name collision');
  });
});

describeNix('what is no NAR', (nix) => {
  const place = placeFor(nix);
  const cutShort = raw.nar(...raw.regular('contents')).subarray(0, -3);
  const badPadding = Buffer.concat([raw.nar('(', 'type', 'regular', 'contents'), raw.str('x', 1), raw.str(')')]);
  const archives: Readonly<Record<string, Uint8Array>> = {
    nothing: Buffer.alloc(0),
    'another magic': raw.str('nix-archive-2'),
    'cut short': cutShort,
    'non-zero padding': badPadding,
    'a fifo': raw.nar('(', 'type', 'fifo', ')'),
    'the name ..': raw.nar(...raw.directory(raw.entry('..', raw.regular('x')))),
    'the name a/b': raw.nar(...raw.directory(raw.entry('a/b', raw.regular('x')))),
    'no name': raw.nar(...raw.directory(raw.entry('', raw.regular('x')))),
    'a name twice': raw.nar(...raw.directory(raw.entry('a', raw.regular('x')), raw.entry('a', raw.regular('y')))),
    'another tag for contents': raw.nar('(', 'type', 'regular', 'AAAAAAAA', 'x', ')'),
  };

  test.each(Object.entries(archives))('is refused by both: %s', async (_, bytes) => {
    const theirs = await place().run('nix-store', ['--restore', freshPath()], { input: bytes, mayFail: true });
    expect(theirs.exitCode).not.toBe(0);
    const ours = await restorePath(inChunks(bytes, 50), freshPath()).catch(
      (error: unknown) => (error as Error).message,
    );
    expect(ours).toContain('bad archive: ');
  });

  if (nix.version === '2.34') {
    const nested = (levels: number): raw.Token[] =>
      levels === 0 ? raw.regular('') : raw.directory(raw.entry('d', nested(levels - 1)));
    const worded: Readonly<Record<string, Uint8Array>> = {
      ...archives,
      '65 levels': raw.nar(...nested(64)),
      // Nix 2.8 took these.
      'names out of order': raw.nar(
        ...raw.directory(raw.entry('b', raw.regular('x')), raw.entry('a', raw.regular('y'))),
      ),
      'a NUL in a target': raw.nar(...raw.symlink('a\0b')),
      'no target': raw.nar(...raw.symlink('')),
      'a long name': raw.nar(...raw.directory(raw.entry('n'.repeat(256), raw.regular('')))),
      'a long target': raw.nar(...raw.symlink('t'.repeat(4096))),
      'a long tag': raw.nar('('.repeat(33)),
      'executable after contents': raw.nar('(', 'type', 'regular', 'contents', 'x', 'executable', '', ')'),
      'executable with a value': raw.nar('(', 'type', 'regular', 'executable', 'x', 'contents', 'x', ')'),
      'the name after the node': raw.nar('(', 'type', 'directory', 'entry', '(', 'node', ...raw.regular('x')),
    };
    test.each(Object.entries(worded))('is refused in the same words: %s', async (_, bytes) => {
      const theirs = await place().run('nix-store', ['--restore', freshPath()], { input: bytes, mayFail: true });
      const ours = await restorePath(inChunks(bytes, 50), freshPath()).catch(
        (error: unknown) => (error as Error).message,
      );
      const words = theirs.stderr
        .replaceAll(/\x1b\[[\d;]*m/g, '')
        .replace(/^.*error: (bad archive: )?/s, '')
        .trim();
      expect(ours).toContain(words);
    });
  }
});

describeNix('a listing that another Nix wrote', (nix) => {
  const place = placeFor(nix);

  test('is parsed to what is in the NAR', async () => {
    const tree = directory({ 'ä"\n': file('x', true), d: directory({ l: symlink('t') }), e: file('') });
    const builder = createNarListingBuilder();
    const archive = freshPath();
    writeFileSync(archive, await collect(writeNar(toNarNode(tree), builder)));
    const { stdout } = await place().run('nix', ['nar', 'ls', '--json', '--recursive', archive, '/']);
    expect(parseNarListing(stdout)).toEqual<NarListing>(builder.finish());
  });
});
