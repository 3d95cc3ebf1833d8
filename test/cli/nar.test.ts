/** `narkit nar ls`, `cat` and `unpack`, beside real Nix on the same NARs. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory as dir, file, symlink as link, summaryOf } from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { modesOf, readTree, writeTree } from '../fixture-trees/tree-on-disk.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { runNarkit } from './run-narkit.ts';

const small = dir([
  ['bin', dir({ hello: file('#!/bin/sh\n', true), loop: link('loop') })],
  ['link', link('bin')],
  ['z', file('last')],
]);
const trees = {
  small,
  names: dir([
    ['utf-8', hurtfulTrees['names whose order depends on who sorts']!()],
    ['not', hurtfulTrees['names that are not UTF-8']!()],
    ['long', hurtfulTrees['names of 255 bytes']!()],
    ['odd', hurtfulTrees['names that mean something elsewhere']!()],
    ['symlinks', hurtfulTrees.symlinks!()],
  ]),
  deep: hurtfulTrees['the deepest tree']!(),
  file: file('all of it', true),
  link: link('somewhere'),
  many: hurtfulTrees['ten thousand entries']!(),
  sizes: hurtfulTrees['sizes around padding and chunks']!(),
};

const lines = [
  'ls small.nar /',
  'ls -l small.nar bin',
  'ls -lR small.nar .',
  'ls -ld small.nar /bin/',
  'ls -R -d small.nar /',
  'ls --json small.nar /',
  'ls --json -R small.nar bin',
  'ls --json small.nar link',
  'ls small.nar link/hello',
  'ls small.nar nope',
  'ls -l small.nar bin/../z',
  'ls -lR names.nar /',
  'ls --json -R names.nar /utf-8',
  'ls --json -R names.nar /odd',
  'ls --json -R names.nar /',
  'ls --json names.nar symlinks/not-utf-8',
  'ls -l names.nar symlinks/not-utf-8',
  'ls -lR deep.nar /',
  'ls -l file.nar /',
  'ls --json file.nar /',
  'ls --json -R link.nar /',
  'ls -R many.nar /',
  'ls --json -R sizes.nar /',
  'ls cut.nar /',
  'ls followed.nar /',
  'ls small.nar.gz /',
  'ls absent.nar /',
  'ls empty /',
  'cat small.nar bin/hello',
  'cat small.nar //z',
  'cat small.nar bin/loop',
  'cat small.nar link/hello',
  'cat small.nar bin',
  'cat small.nar /',
  'cat small.nar nope',
  'cat file.nar /',
  'cat sizes.nar size-1048577',
  'cat sizes.nar size-0',
  'cat cut.nar bin/hello',
  'cat followed.nar z',
  'cat small.nar.gz z',
];

describePeer('nix-2.34', 'nar', () => {
  let place: NixPlace;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-cli-nar-'));
    place = await createNixPlace(nix('2.34')!);
    for (const [name, tree] of Object.entries(trees)) {
      writeTree(join(directory, name), tree);
      const { stdout } = await place.run('nix-store', ['--dump', join(directory, name)]);
      await writeFile(join(directory, `${name}.nar`), stdout);
    }
    const nar = await readFile(join(directory, 'small.nar'));
    await writeFile(join(directory, 'cut.nar'), nar.subarray(0, -16));
    await writeFile(join(directory, 'followed.nar'), Buffer.concat([nar, Buffer.from('more')]));
    await writeFile(join(directory, 'small.nar.gz'), gzipSync(nar));
    await writeFile(join(directory, 'empty'), '');
  });
  afterAll(async () => {
    await place?.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const narkit = (args: readonly string[], input?: Uint8Array) =>
    runNarkit(['nar', ...args], { cwd: directory, ...(input && { input }) });

  test.each(lines)('%s', async (line) => {
    const [command = '', ...words] = line.split(' ');
    const args = ['-C', directory, join(place.nix.bin, 'nix'), 'nar', command, ...words];
    const [theirs, ours] = await Promise.all([
      place.run('/usr/bin/env', args, { mayFail: true }),
      narkit([command, ...words]),
    ]);
    expect(ours.exitCode).toBe(theirs.exitCode);
    expect(ours.bytes.toString('latin1')).toBe(theirs.stdout.toString('latin1'));
    expect(ours.stderr.startsWith('error: ')).toBe(theirs.exitCode !== 0);
  });

  test('a NAR on standard input', async () => {
    const nar = await readFile(join(directory, 'small.nar'));
    expect(await narkit(['cat', '-', 'z'], nar)).toMatchObject({ exitCode: 0, stdout: 'last' });
    expect(await narkit(['ls', '-'], nar)).toMatchObject({ exitCode: 0, stdout: './bin\n./link\n./z\n' });
    expect(await narkit(['ls', '-'], new Uint8Array(0))).toMatchObject({ exitCode: 1 });
  });

  test.each([
    ['gzip', [0x1f, 0x8b, 8, 0, 0, 0]],
    ['bzip2', [...Buffer.from('BZh91AY')]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd, 0, 0]],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
    ['lzip', [...Buffer.from('LZIP\x01\0')]],
    ['lz4', [0x04, 0x22, 0x4d, 0x18, 0, 0]],
  ])('a NAR in %s is told by its first bytes', async (name, start) => {
    for (const command of [
      ['ls', '-'],
      ['cat', '-', 'x'],
      ['unpack', '-', 'never'],
    ])
      expect(await narkit(command, Uint8Array.from(start))).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: `error: '-' is compressed, and no NAR before '${name} -dc' has unpacked it\n`,
      });
  });

  describe('unpack', () => {
    test.each(Object.keys(trees))('%s, as nix-store --restore does', async (name) => {
      const [theirs, ours] = [join(directory, `theirs-${name}`), join(directory, `ours-${name}`)];
      const nar = await readFile(join(directory, `${name}.nar`));
      await place.run('nix-store', ['--restore', theirs], { input: nar });
      expect(await narkit(['unpack', `${name}.nar`, ours])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
      expect(summaryOf(readTree(ours))).toEqual(summaryOf(readTree(theirs)));
      expect(modesOf(ours)).toEqual(modesOf(theirs));
    });

    test('to where something is, it changes nothing', async () => {
      await writeFile(join(directory, 'there'), 'mine');
      await chmod(join(directory, 'there'), 0o600);
      const { exitCode, stderr } = await narkit(['unpack', 'small.nar', 'there']);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('File exists')]);
      expect(await readFile(join(directory, 'there'), 'utf8')).toBe('mine');
    });

    test('of what is cut short, nothing is left', async () => {
      const { exitCode, stderr } = await narkit(['unpack', 'cut.nar', 'half']);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('bad archive')]);
      await expect(readFile(join(directory, 'half'))).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });
});
