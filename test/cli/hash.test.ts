/** `narkit hash` and `narkit nar pack`, line by line beside real Nix. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';
import { runNarkit } from './run-narkit.ts';

const nix32 = '09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm';
const base16 = '15e3c560894cbb27085cf65b5a2ecb18488c999497f4531b6907a7581ce6d527';
const base64 = 'FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=';

/** The tree of Nix's own test, with an executable. */
async function makeTree(): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'narkit-cli-hash-'));
  await mkdir(join(tree, 'directory'));
  await writeFile(join(tree, 'file'), 'foo\n');
  await symlink('xyzzy', join(tree, 'link'));
  await writeFile(join(tree, 'directory/program'), '#!/bin/sh\n');
  await chmod(join(tree, 'directory/program'), 0o755);
  return tree;
}

/** What all generations have; TREE stands for the tree. */
const pathLines = [
  'TREE',
  'TREE TREE/file TREE/link TREE/directory',
  '--base16 TREE',
  '--base32 TREE',
  '--base64 TREE',
  '--sri TREE',
  '--type sha512 TREE',
  'TREE/absent',
  'TREE TREE/absent TREE/file',
];
/** What came after 2.8; of two flags for the same, the last counts. */
const newPathLines = [
  '--algo md5 TREE',
  '--algo sha1 --base32 TREE',
  '--format nix32 TREE',
  '--format base32 TREE',
  '--format base16 --sri TREE',
  '--base16 --format base64 TREE',
  '--type sha1 --algo md5 TREE',
  '--algo md5 --type sha1 TREE',
  '--mode nar TREE/file',
  '--mode flat TREE/file',
  '--mode flat TREE',
  '--mode flat TREE/link',
];
const convertLines = [
  `--hash-algo sha256 ${nix32}`,
  `--hash-algo sha256 --to nix32 ${base16} ${base64} ${nix32} sha256-${base64}`,
  `--hash-algo sha256 --to base16 ${base16.toUpperCase()}`,
  `--hash-algo sha256 --from nix32 ${base64}`,
  `--hash-algo sha256 ${base16} garbage ${base16}`,
  `--hash-algo sha1 ${base16}`,
  `--hash-algo sha1 sha256-${base64}`,
  `--to base64 sha256:${base16}`,
  `--to base32 sha256:${base16}`,
  `--from sri --to nix32 sha256-${base64}`,
  base16,
  'garbage',
];

describeNix('hash and nar', (nix) => {
  let place: NixPlace;
  let tree: string;
  beforeAll(async () => {
    place = await createNixPlace(nix);
    tree = await makeTree();
  });
  afterAll(async () => {
    await place.remove();
    await rm(tree, { recursive: true });
  });

  async function expectSame(line: string): Promise<void> {
    const args = line.replaceAll('TREE', tree).split(' ');
    const [theirs, ours] = await Promise.all([place.run('nix', args, { mayFail: true }), runNarkit(args)]);
    expect(ours).toMatchObject({ exitCode: theirs.exitCode, stdout: theirs.stdout.toString() });
    expect(ours.stderr.startsWith('error: ')).toBe(theirs.exitCode !== 0);
  }

  test.each(pathLines)('hash path %s', (line) => expectSame(`hash path ${line}`));

  if (nix.version === '2.8') return;

  test.each(newPathLines)('hash path %s', (line) => expectSame(`hash path ${line}`));

  test.each(convertLines)('hash convert %s', (line) => expectSame(`hash convert ${line}`));

  test.each(['', '/file', '/link', '/directory/program'])('nar pack TREE%s', async (path) => {
    const { stdout } = await place.run('nix', ['nar', 'pack', `${tree}${path}`]);
    const { exitCode, bytes } = await runNarkit(['nar', 'pack', `${tree}${path}`]);
    expect(exitCode).toBe(0);
    expect(bytes.equals(stdout)).toBe(true);
  });
});

describe('what is not there', () => {
  test('is named', async () => {
    const { exitCode, stderr } = await runNarkit(['hash', 'path', '/absent']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("'/absent'");
  });
  test('a directory has no flat hash: what to do stands there', async () => {
    const { exitCode, stderr } = await runNarkit(['hash', 'path', '--mode', 'flat', tmpdir()]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`'${tmpdir()}': it is a directory, which has a hash in '--mode nar' only`);
  });
  test('nar pack writes nothing of it', async () => {
    const { exitCode, bytes, stderr } = await runNarkit(['nar', 'pack', '/absent']);
    expect([exitCode, bytes.length]).toEqual([1, 0]);
    expect(stderr).toContain("'/absent'");
  });
});
