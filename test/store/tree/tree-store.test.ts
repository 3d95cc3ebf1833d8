import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatHash } from '../../../src/hash/index.ts';
import type { PathInfo } from '../../../src/path-info.ts';
import { openTreeStore } from '../../../src/store/tree/tree-store.ts';
import { parseStorePathBaseName, type StorePath } from '../../../src/store-path.ts';
import { bytesOf } from '../closure-of-nix.ts';

let root: string;
let directory: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'narkit-tree-'));
  directory = join(root, 'store');
  mkdirSync(directory);
});
afterEach(() => rm(root, { recursive: true }));

const hashPartOf = (letter: string): string => letter.repeat(32);
const pathOf = (letter: string, name = 'path'): StorePath => parseStorePathBaseName(`${hashPartOf(letter)}-${name}`);
const write = (path: string, text: string): void => writeFileSync(join(directory, path), text);

async function* chunksOf(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

describe('reading a tree', () => {
  it('finds hash, size and references, itself among them', async () => {
    write(pathOf('a'), 'alone');
    mkdirSync(join(directory, pathOf('b')));
    write(`${pathOf('b')}/text`, `/nix/store/${pathOf('a')} and only the hash part of itself: ${hashPartOf('b')}`);
    symlinkSync(`/nix/store/${pathOf('b')}`, join(directory, pathOf('c')));
    write(`${pathOf('b')}/other`, `not here: /nix/store/${pathOf('z')}`);
    const store = await openTreeStore({ directory });
    const infos = await store.queryPathInfos([pathOf('a'), pathOf('b'), pathOf('c'), pathOf('z')]);
    expect([...infos.values()].map(({ path, references }) => [path, references]).sort()).toEqual([
      [pathOf('a'), []],
      [pathOf('b'), [pathOf('a'), pathOf('b')]],
      [pathOf('c'), [pathOf('b')]],
    ]);
    const { narHash, narSize, signatures } = infos.get(pathOf('a'))!;
    expect([formatHash(narHash, 'nix32'), narSize, signatures]).toEqual([
      'sha256:0ia5malfmm19vml7vsa9dvgnsx35nzdsmpm27ci31m18s32kmyhp',
      120,
      [],
    ]);
    expect(await bytesOf(store.narFromPath(pathOf('a')))).toHaveLength(120);
    await expect(bytesOf(store.narFromPath(pathOf('z')))).rejects.toMatchObject({
      code: 'path-absent',
      path: `/nix/store/${pathOf('z')}`,
    });
  });

  it('sees what comes and goes', async () => {
    write(pathOf('a'), `refers to ${hashPartOf('b')}`);
    write(`${pathOf('b')}.lock`, '');
    const store = await openTreeStore({ directory });
    expect(await store.queryPathInfo(pathOf('a'))).toMatchObject({ references: [`${pathOf('b')}.lock`] });
    expect(await store.queryPathInfo(pathOf('b'))).toBeUndefined();
    expect(await store.queryPathFromHashPart(hashPartOf('c'))).toBeUndefined();
    write(pathOf('b'), '');
    expect(await store.queryPathInfo(pathOf('b'))).toMatchObject({ references: [] });
    expect(await store.queryPathInfo(pathOf('a'))).toMatchObject({ references: [pathOf('b')] });
    write(pathOf('c'), '');
    expect(await store.queryPathInfo(parseStorePathBaseName(`${pathOf('b')}.lock`))).toBeUndefined();
    expect(await store.queryPathFromHashPart(hashPartOf('c'))).toBe(pathOf('c'));
    rmSync(join(directory, pathOf('a')));
    expect(await store.queryPathInfo(pathOf('a'))).toBeUndefined();
    rmSync(join(directory, pathOf('c')));
    expect(await store.queryPathFromHashPart(hashPartOf('c'))).toBeUndefined();
  });

  it('leaves out what is no store path', async () => {
    write('.links', '');
    write('README', '');
    write(`${pathOf('a')} with a space`, '');
    mkdirSync(join(directory, '.narkit-something'));
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/${pathOf('a')}`), Buffer.of(0xff)]), '');
    symlinkSync('nowhere', join(directory, pathOf('b')));
    write(pathOf('0'), '');
    for (const beside of ['lock', 'check', 'drv.chroot']) write(`${pathOf('0')}.${beside}`, '');
    const store = await openTreeStore({ directory });
    const paths: StorePath[] = [];
    for await (const path of store.queryAllValidPaths()) paths.push(path);
    expect(paths).toEqual([pathOf('0'), pathOf('b')]);
    expect(await store.queryPathInfo(pathOf('b'))).toMatchObject({ narSize: 120 });
    await expect(store.queryPathFromHashPart('../..')).rejects.toThrow(TypeError);
  });

  it('names what cannot be in a store path, and the others go on', async () => {
    const socket = join(directory, pathOf('a'));
    const server = createServer().listen(socket);
    await new Promise((listening) => server.once('listening', listening));
    mkdirSync(join(directory, pathOf('b')));
    execFileSync('mkfifo', [join(directory, pathOf('b'), 'pipe')]);
    write(pathOf('c'), '');
    const store = await openTreeStore({ directory });
    const errors = new Map<StorePath, unknown>();
    const infos = await store.queryPathInfos([pathOf('a'), pathOf('b'), pathOf('c')], {
      onError: (path, error) => errors.set(path, error),
    });
    expect([...infos.keys()]).toEqual([pathOf('c')]);
    expect(errors.get(pathOf('a'))).toMatchObject({ code: 'file-type', path: socket });
    expect(errors.get(pathOf('b'))).toMatchObject({ code: 'file-type', path: join(directory, pathOf('b'), 'pipe') });
    await expect(store.queryPathInfos([pathOf('b')])).rejects.toMatchObject({ code: 'file-type' });
    server.close();
  });

  it('takes the references of a derivation from what it says', async () => {
    const input = pathOf('a', 'input.drv');
    const text = `Derive([("out","/nix/store/${pathOf('c', 'out')}","","")],[("/nix/store/${input}",["out"])],["/nix/store/${pathOf('b')}"],"x","/bin/sh",[],[("input","/nix/store/${pathOf('d')}")])`;
    write(pathOf('f', 'a.drv'), text);
    write(pathOf('c', 'out'), '');
    write(pathOf('d'), '');
    write(pathOf('g', 'b.drv'), `no derivation: /nix/store/${pathOf('d')}`);
    const store = await openTreeStore({ directory });
    expect(await store.queryPathInfo(pathOf('f', 'a.drv'))).toMatchObject({ references: [input, pathOf('b')] });
    expect(await store.queryPathInfo(pathOf('g', 'b.drv'))).toMatchObject({ references: [pathOf('d')] });
  });

  it('is absent where there is no directory', async () => {
    write('file', '');
    for (const place of [join(root, 'nowhere'), join(directory, 'file'), join(directory, 'file/below')])
      await expect(openTreeStore({ directory: place })).rejects.toMatchObject({ code: 'store-absent' });
    await expect(openTreeStore({ directory: join(directory, 'file/below'), create: true })).rejects.toMatchObject({
      code: 'store-unwritable',
    });
  });

  it('ends when it is aborted', async () => {
    write(pathOf('a'), 'x'.repeat(1000));
    const store = await openTreeStore({ directory });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(store.queryPathInfo(pathOf('a'), { signal })).rejects.toThrow('enough');
    await expect(store.queryPathInfos([pathOf('a')], { signal, onError: () => {} })).rejects.toThrow('enough');
    await expect(bytesOf(store.narFromPath(pathOf('a'), { signal }))).rejects.toThrow('enough');
    await expect(store.queryAllValidPaths({ signal })[Symbol.asyncIterator]().next()).rejects.toThrow('enough');
  });
});

describe('writing a tree', () => {
  const path = pathOf('a');
  let info: PathInfo;
  let nar: Buffer;
  let to: string;
  beforeEach(async () => {
    mkdirSync(join(directory, path));
    write(`${path}/text`, `a text with its own ${hashPartOf('a')}`);
    writeFileSync(join(directory, path, 'run'), '', { mode: 0o755 });
    const from = await openTreeStore({ directory });
    info = (await from.queryPathInfo(path))!;
    nar = await bytesOf(from.narFromPath(path));
    to = join(root, 'a/new/tree');
  });

  it('makes a path visible when it is published, as a store has it', async () => {
    const store = await openTreeStore({ directory: to, create: true });
    const publication = await store.prepare(info, () => chunksOf(nar));
    expect(await store.queryPathInfo(path)).toBeUndefined();
    expect(readdirSync(to)).toEqual([expect.stringMatching(/^\.narkit-/)]);
    await publication.publish();
    expect(readdirSync(to)).toEqual([path]);
    expect(await store.queryPathInfo(path)).toEqual(info);
    const modes = [path, `${path}/text`, `${path}/run`].map((name) => {
      const { mode, mtimeMs } = lstatSync(join(to, name));
      return [(mode & 0o7777).toString(8), mtimeMs];
    });
    expect(modes).toEqual([
      ['555', 1000],
      ['444', 1000],
      ['555', 1000],
    ]);
    expect(await store.addSignatures(path, ['key-1:AAAA'])).toBe(false);
  });

  it('leaves nothing when it is abandoned', async () => {
    const store = await openTreeStore({ directory: to, create: true });
    await (await store.prepare(info, () => chunksOf(nar))).abandon();
    expect(readdirSync(to)).toEqual([]);
  });

  it('keeps what somebody else published meanwhile', async () => {
    const store = await openTreeStore({ directory: to, create: true });
    const [first, second] = await Promise.all([1, 2].map(() => store.prepare(info, () => chunksOf(nar))));
    await first!.publish();
    await second!.publish();
    expect(readdirSync(to)).toEqual([path]);
    expect(await store.queryPathInfo(path)).toEqual(info);
  });

  it('refuses a NAR that is not the promised one, and leaves nothing', async () => {
    const store = await openTreeStore({ directory: to, create: true });
    const changed = Buffer.from(nar);
    changed[changed.indexOf('a text')] = 0x41;
    const refused = expect.objectContaining({ code: 'nar-mismatch', path: `/nix/store/${path}`, uri: store.uri });
    await expect(store.prepare(info, () => chunksOf(changed))).rejects.toEqual(refused);
    await expect(store.prepare({ ...info, narSize: info.narSize + 8 }, () => chunksOf(nar))).rejects.toEqual(refused);
    await expect(store.prepare(info, () => chunksOf(nar.subarray(0, 200)))).rejects.toEqual(refused);
    const endless = async function* () {
      yield* chunksOf(nar.subarray(0, nar.indexOf('a text')));
      for (;;) yield new Uint8Array(1024);
    };
    await expect(store.prepare({ ...info, narSize: 100_000 }, endless)).rejects.toMatchObject({
      code: expect.stringMatching(/^nar-/),
    });
    await expect(store.prepare(info, () => chunksOf(Buffer.from('no NAR at all')))).rejects.toMatchObject({
      code: expect.stringMatching(/^nar-/),
    });
    expect(readdirSync(to)).toEqual([]);
  });

  it('leaves nothing when the source fails or it is aborted', async () => {
    const store = await openTreeStore({ directory: to, create: true });
    const failing = async function* () {
      yield* chunksOf(nar.subarray(0, nar.length - 100));
      throw new Error('the source fails');
    };
    await expect(store.prepare(info, failing)).rejects.toThrow('the source fails');
    const abort = new AbortController();
    const aborting = async function* () {
      yield* chunksOf(nar.subarray(0, nar.length - 100));
      abort.abort(new Error('enough'));
      yield* chunksOf(nar.subarray(nar.length - 100));
    };
    await expect(store.prepare(info, aborting, { signal: abort.signal })).rejects.toThrow('enough');
    expect(readdirSync(to)).toEqual([]);
  });
});
