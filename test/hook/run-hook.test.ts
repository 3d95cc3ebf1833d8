/** The hook in mode `queue`, as a program: what it leaves, what it says, and what it never does. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pMap from 'p-map';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMountedPlace } from '../backend/filesystem/filesystem-place.ts';
import { describePeer, needPeer } from '../peers/peers.ts';
import { createHookPlace, type HookPlace, outPaths } from './hook-program.ts';

let place: HookPlace;

beforeEach(async () => {
  place = await createHookPlace();
});
afterEach(async () => {
  await place.remove();
});

const silent = { exitCode: 0, signal: null, stdout: '', stderr: '' };

describe('narkit-hook', () => {
  it('writes down what was built, makes roots, and says nothing', async () => {
    const derivation = `${outPaths[0]}.drv`;
    expect(await place.run({ env: { DRV_PATH: derivation, NARKIT_TAG: 'job-7' } })).toEqual(silent);
    const spool = await place.openSpool();
    const [id] = await spool.listRecordIds();
    expect(await spool.readRecord(id!)).toEqual({
      id,
      timeMs: expect.any(Number),
      storeDir: '/nix/store',
      paths: outPaths.map((path) => path.slice('/nix/store/'.length)),
      derivation: derivation.slice('/nix/store/'.length),
      tag: 'job-7',
    });
    expect((await place.listRoots()).sort()).toEqual([`${id}-0`, `${id}-1`]);
  });

  it('loses and mixes nothing of a thousand at once', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `/nix/store/${'0'.repeat(32)}-${index}`);
    const results = await pMap(names, (path) => place.run({ env: { OUT_PATHS: path } }), { concurrency: 24 });
    expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(new Set([JSON.stringify(silent)]));
    const spool = await place.openSpool();
    const ids = await spool.listRecordIds();
    expect(new Set(ids).size).toBe(1_000);
    const records = await Promise.all(ids.map((id) => spool.readRecord(id)));
    expect(records.map((record) => `/nix/store/${record?.paths[0]}`).sort()).toEqual(names.sort());
    expect((await place.listRoots()).sort()).toEqual(ids.map((id) => `${id}-0`).sort());
    expect(await readdir(join(place.queue, 'tmp'))).toEqual([]);
  });

  it.each([
    ['mode = "later"', `has a 'mode' that is not one of 'queue', 'direct'`],
    ['on-failure = "explode"', `has a 'on-failure' that is not one of 'ignore', 'direct', 'fail'`],
    ['mode = "direct"\non-failure = "direct"', `has a 'on-failure' that is not one of 'ignore', 'fail'`],
    ['queue = 7', `has a 'queue' that is not a table`],
    ['mode =', 'is not TOML: line 2'],
  ])('says what is wrong with the setting %s, and lets the build go on', async (line, message) => {
    await place.configure(line, '\n');
    const result = await place.run();
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toMatch(/^narkit-hook: configuration file '.*' [^\n]*\n$/);
    expect(result.stderr).toContain(message);
  });

  it.each([
    ['directory = "queue"', 'queue.directory'],
    ['directory = 1', 'queue.directory'],
    ['gc-roots = true', 'queue.gc-roots'],
    ['gc-roots = "roots"', 'queue.gc-roots'],
  ])('says what is wrong with %s in the table of the queue', async (line, key) => {
    await place.configure('', `[queue]\n${line}\n`);
    const result = await place.run();
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toContain(`has a '${key}' that is not an absolute path`);
  });

  it('lets the build go on without a configuration, and says so', async () => {
    const NARKIT_CONFIG = join(place.directory, 'missing.toml');
    const result = await place.run({ env: { NARKIT_CONFIG } });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toMatch(/^narkit-hook: configuration file '.*missing.toml' cannot be read: [^\n]*\n$/);
  });

  it('does not wait for a configuration that is a pipe', async () => {
    const NARKIT_CONFIG = join(place.directory, 'pipe');
    execFileSync('mkfifo', [NARKIT_CONFIG]);
    expect(await place.run({ env: { NARKIT_CONFIG } })).toMatchObject({ exitCode: 0 });
  });

  it('asks the derivation where OUT_PATHS is empty, and says what it is for where nothing is set', async () => {
    const fixture = fileURLToPath(new URL('../../fixtures/derivations/', import.meta.url));
    expect((await place.run({ env: { OUT_PATHS: '', DRV_PATH: `${fixture}missing.drv` } })).stderr).toMatch(
      /^narkit-hook: OUT_PATHS is empty and the outputs of '.*missing.drv' are not known: [^\n]*\n$/,
    );
    const byHand = await place.run({ env: { OUT_PATHS: '' } });
    expect(byHand).toMatchObject({ exitCode: 0, stdout: '' });
    expect(byHand.stderr).toContain('this program is for post-build-hook in nix.conf');
  });
});

describe('where the queue cannot take it, narkit-hook', () => {
  it('says what to do, and does as on-failure says', async () => {
    await place.configure('', `[queue]\ndirectory = "${join(place.directory, 'not/there')}"\n`);
    const said = `narkit-hook: the queue '${place.directory}/not/there' cannot take what was built: the directory above it is missing: make it, or name another directory in the configuration file, [queue] directory\n`;
    expect(await place.run()).toEqual({ ...silent, stderr: said });
    await place.configure('on-failure = "fail"', `[queue]\ndirectory = "${join(place.directory, 'not/there')}"\n`);
    expect(await place.run()).toEqual({ ...silent, exitCode: 1, stderr: said });
    expect((await readdir(place.directory)).sort()).toEqual(['config.toml', 'roots']);
  });

  it('uploads at once, if it is told to', async () => {
    const store = fileURLToPath(new URL('../../fixtures/store', import.meta.url));
    const [name] = await readdir(store);
    const cache = join(place.directory, 'cache');
    const config = join(place.directory, 'direct.toml');
    await writeFile(
      config,
      `from = "tree:${store}"\nto = "file://${cache}"\non-failure = "direct"\n[queue]\ndirectory = "/dev/null"\n`,
    );
    const result = await place.run({ env: { NARKIT_CONFIG: config, OUT_PATHS: `/nix/store/${name}` } });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toMatch(/^narkit-hook: the queue '\/dev\/null' cannot take [^\n]*; uploading it now\n$/);
    expect(await readdir(cache)).toContain(`${name!.slice(0, 32)}.narinfo`);
  });
});

describePeer(['root'], 'on a disk that does not take it, narkit-hook', () => {
  it('says that it is full, and leaves nothing', async () => {
    const disk = createMountedPlace('size=1m');
    try {
      await place.configure('', `[queue]\ndirectory = "${disk.directory}/queue"\ngc-roots = "${place.roots}"\n`);
      expect(await place.run()).toEqual(silent);
      await writeFile(join(disk.directory, 'filler'), Buffer.alloc(2 ** 20)).catch(() => {});
      const result = await place.run();
      expect(result).toMatchObject({ exitCode: 0, stdout: '' });
      expect(result.stderr).toMatch(/^narkit-hook: [^\n]*: no space is left on the device: make room there\n$/);
      expect(await readdir(join(disk.directory, 'queue/tmp'))).toEqual([]);
      expect(await readdir(join(disk.directory, 'queue/incoming'))).toHaveLength(1);
      expect(await place.listRoots()).toHaveLength(2);

      await rm(join(disk.directory, 'filler'));
      expect(await place.run()).toEqual(silent);
      disk.remount('ro');
      expect((await place.run()).stderr).toMatch(/: it is on a read-only file system: mount that writable[^\n]*\n$/);
    } finally {
      disk.remove();
    }
  });

  it('says that its user may not', async () => {
    await mkdir(place.queue, { mode: 0o750 });
    const result = await place.run({ withoutRights: true });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toMatch(/: this user may not write there: change the directory's owner or mode[^\n]*\n$/);
  });

  it('queues all the same where it may not make roots', async () => {
    await mkdir(place.queue);
    await chmod(place.queue, 0o777);
    expect(await place.run({ withoutRights: true })).toEqual(silent);
    expect(await place.listRoots()).toEqual([]);
    const spool = await place.openSpool();
    await spool.sweep();
    expect(await place.listRoots()).toHaveLength(2);
  });
});

describePeer(['strace', 'root'], 'traced, narkit-hook', () => {
  it('starts nothing, and asks nothing of the network', async () => {
    const trace = join(place.directory, 'trace');
    const by = [needPeer('strace'), '-f', '-o', trace, '-e', 'trace=execve,execveat,fork,vfork,socket,connect,bind'];
    expect(await place.run({ by })).toEqual(silent);
    const calls = (await readFile(trace, 'utf8')).split('\n').filter((line) => line.includes('('));
    expect(calls.map((call) => /^\d+ +(\w+)\("([^"]*)"/.exec(call)?.slice(1))).toEqual([['execve', process.execPath]]);
  });

  it('gives up on a disk that is too slow, and leaves nothing', async () => {
    await place.openSpool();
    const by = [
      needPeer('strace'),
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'inject=symlink:delay_enter=1100000:when=1..2',
    ];
    const result = await place.run({ by });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(result.stderr).toMatch(/^narkit-hook: [^\n]*: its disk is too slow\n$/);
    expect(await readdir(join(place.queue, 'tmp'))).toEqual([]);
    expect(await readdir(join(place.queue, 'incoming'))).toEqual([]);
    expect(await place.listRoots()).toEqual([]);
  });
});
