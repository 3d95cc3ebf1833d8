import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dumpPath } from '../../src/file-system/index.ts';
import { formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { openStore, openWritableStore, StoreUriError } from '../../src/store/index.ts';
import type { Environment } from '../../src/store/local-directories.ts';
import type { Store } from '../../src/store/store.ts';
import { parseStorePathBaseName, type StorePath } from '../../src/store-path.ts';
import { listens } from '../peers/nix-daemon.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';
import { type BuiltClosure, buildClosure, bytesOf } from './closure-of-nix.ts';
import { createDatabase, createStateDirectory, sqlite } from './database/nix-database.ts';

const path = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-hello');
let directory: string;
let warnings: string[];
const onWarning = (message: string): void => {
  warnings.push(message);
};
beforeEach(async () => {
  warnings = [];
  directory = await mkdtemp(join(tmpdir(), 'narkit-open-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A place without a Nix. */
function emptyEnvironment(changes: Environment = {}): Environment {
  const places = {
    NIX_STORE_DIR: 'store',
    NIX_STATE_DIR: 'state',
    NIX_LOG_DIR: 'log',
    NIX_CONF_DIR: 'conf',
    HOME: 'home',
  };
  const env = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, join(directory, place)]));
  return { ...env, ...changes };
}

describe('openStore', () => {
  it.each([
    ['ssh://host', /ssh/],
    ['ssh-ng://user@host', /ssh/],
    ['dummy://', /'dummy'/],
    ['tree:', /no directory/],
    ['nonsense', /'auto', 'daemon'/],
    ['https://', /https/],
  ])('refuses %s and says why', async (uri, reason) => {
    const opened = openStore(uri, { env: emptyEnvironment() });
    await expect(opened).rejects.toThrow(StoreUriError);
    await expect(opened).rejects.toMatchObject({ code: 'store-uri', message: expect.stringMatching(reason) });
  });

  it('opens a tree by a relative directory, and warns of parameters that it does not know', async () => {
    writeFileSync(join(directory, path), 'hello\n');
    const uri = `tree:${relative(process.cwd(), directory)}?store=/gnu/store&trusted=1&sotre=/x`;
    const store = await openStore(uri, { onWarning, env: {} });
    expect(store).toMatchObject({ uri: `tree:${directory}`, storeDir: '/gnu/store' });
    expect(await store.queryPathInfo(path)).toMatchObject({ narSize: 120 });
    expect(warnings).toEqual(["unknown setting 'sotre'"]);
    expect(await openStore(`tree://${directory}`, { env: { NIX_STORE_DIR: '/a//b/../c/' } })).toMatchObject({
      storeDir: '/a/c',
    });
  });

  it('makes the directory of a tree for a writer alone', async () => {
    const place = join(directory, 'a/b');
    await expect(openStore(`tree:${place}`)).rejects.toMatchObject({ code: 'store-absent' });
    expect(existsSync(place)).toBe(false);
    await openWritableStore(`tree:${place}`);
    expect(existsSync(place)).toBe(true);
  });

  it('opens a binary cache with keys and settings out of its URI', async () => {
    const key = generateSecretKey('test-1');
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, formatSecretKey(key), { mode: 0o600 });
    writeFileSync(join(directory, path), 'hello\n');
    const from = await openStore(`tree:${directory}`, { env: {} });
    const info = (await from.queryPathInfo(path))!;
    const uri = `file://${directory}/cache?compression=none&write-nar-listing=true&secret-key=${keyFile}&ls-compression=br&x=y`;
    const to = await openWritableStore(uri, { onWarning, env: {} });
    expect(to.uri).toBe(`file://${directory}/cache`);
    expect(warnings).toEqual(["unknown setting 'x'", "unknown setting 'ls-compression'"]);
    expect(to.secretKeys).toHaveLength(1);
    await (await to.prepare(info, () => from.narFromPath(path))).publish();
    expect(readdirSync(join(directory, 'cache'))).toContain(`${path.slice(0, 32)}.ls`);
    expect(await bytesOf((await openStore(`file://${directory}/cache`, { env: {} })).narFromPath(path))).toHaveLength(
      120,
    );
    await to.close();
  });

  it('reads keys before anything else', async () => {
    const uri = `file://${directory}/cache?secret-key=${directory}/missing`;
    await expect(openStore(uri)).rejects.toMatchObject({ code: 'key-file' });
    await expect(
      openStore('https://cache.invalid?bearer-token-file=/missing', { env: emptyEnvironment() }),
    ).rejects.toMatchObject({
      code: 'setting',
      message: expect.stringContaining('bearer-token-file'),
    });
    await expect(openStore('s3://b?region=!')).rejects.toMatchObject({ code: 'setting' });
    await expect(openStore('tree:/x?store=relative')).rejects.toMatchObject({ code: 'setting' });
  });

  it('ends before it begins when it is aborted', async () => {
    await expect(openStore('auto', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});

describe('auto', () => {
  it('says what it looked for when there is nothing', async () => {
    const env = emptyEnvironment();
    await expect(openStore('auto', { env })).rejects.toMatchObject({
      code: 'store-absent',
      message: expect.stringMatching(/daemon.*database.*there is no directory/),
    });
  });

  it('takes the store that NIX_REMOTE names', async () => {
    const env = emptyEnvironment({ NIX_REMOTE: `tree:${directory}` });
    for (const uri of ['auto', '', undefined])
      expect(await openStore(uri, { env })).toMatchObject({ uri: `tree:${directory}` });
    await expect(openStore('auto?trusted=1', { env })).rejects.toMatchObject({ code: 'store-absent' });
    await expect(openStore('auto', { env: emptyEnvironment({ NIX_REMOTE: '' }) })).rejects.toMatchObject({
      code: 'store-absent',
    });
  });

  it('reads the store directory itself where nothing else is left, says so once, and does not write there', async () => {
    mkdirSync(join(directory, 'store'));
    mkdirSync(join(directory, 'log/drvs'), { recursive: true });
    writeFileSync(join(directory, 'store', path), 'hello\n');
    writeFileSync(join(directory, 'log/drvs', `${path}.drv`), 'a log');
    const env = emptyEnvironment();
    const store = await openStore('auto', { env, onWarning });
    expect(store).toMatchObject({ uri: `tree:${directory}/store`, storeDir: `${directory}/store` });
    expect(await store.queryPathInfo(path)).toMatchObject({ narSize: 120 });
    const log = await store.queryBuildLog!(parseStorePathBaseName(`${path}.drv`));
    expect(Buffer.from(log!).toString()).toBe('a log');
    expect(warnings).toEqual([expect.stringMatching(/reading all files.*no daemon.*database/)]);
    await expect(openWritableStore('auto', { env })).rejects.toMatchObject({ code: 'store-read-only' });
  });

  it('goes past a daemon that hangs up and a database that is not there', async () => {
    mkdirSync(join(directory, 'store'));
    const socket = join(directory, 'socket');
    const env = emptyEnvironment({ NIX_DAEMON_SOCKET_PATH: socket });
    const server = createServer((connection) => connection.destroy()).listen(socket);
    await new Promise((listening) => server.once('listening', listening));
    expect(await openStore('auto', { env, onWarning })).toMatchObject({ uri: `tree:${directory}/store` });
    expect(warnings).toEqual([expect.stringContaining(socket)]);
    // That daemon is not for a store elsewhere.
    await openStore(`auto?store=${directory}/store`, { env, onWarning });
    expect(warnings[1]).toContain(`${directory}/state/daemon-socket/socket`);
    await new Promise((closed) => server.close(closed));
  });

  it.runIf(sqlite)('does not go past a broken database', async () => {
    const state = createStateDirectory();
    mkdirSync(join(directory, 'store'));
    const env = emptyEnvironment({ NIX_STATE_DIR: state.stateDir });
    writeFileSync(state.file, 'broken');
    await expect(openStore('auto', { env })).rejects.toMatchObject({ code: 'database-corrupt' });
    rmSync(state.file);
    createDatabase(state.file).close();
    const store = await openStore('auto', { env, onWarning });
    expect([store.uri, warnings]).toEqual(['local', []]);
    await store.close();
    rmSync(state.stateDir, { recursive: true });
  });
});

describeNix('the store of a Nix by its URIs', (nix) => {
  let place: NixPlace;
  let built: BuiltClosure;
  const withPlace = (body: () => Promise<void>) => async (): Promise<void> => {
    place = await createNixPlace(nix);
    try {
      built = await buildClosure(place);
      await body();
    } finally {
      await place.remove();
    }
  };
  const narOf = (store: Store, from: StorePath): Promise<Uint8Array> => bytesOf(store.narFromPath(from));
  const expectFilesReadWhereTheyLie = async (): Promise<void> => {
    const store = await openStore(`daemon?real=${directory}`, { env: place.env });
    const { application } = built;
    // Nothing lies there: the daemon sends the NAR.
    expect(await narOf(store, application)).toEqual(await bytesOf(dumpPath(join(place.realStoreDir, application))));
    for (const name of [application, path]) writeFileSync(join(directory, name), 'read here');
    expect(await narOf(store, application)).toEqual(await bytesOf(dumpPath(join(directory, application))));
    await expect(narOf(store, path)).rejects.toMatchObject({ code: 'path-absent' });
    await store.close();
  };
  const expectInfo = async (store: Store): Promise<void> => {
    expect(await store.queryPathInfo(built.application)).toMatchObject({ path: built.application });
    await store.close();
  };

  it(
    'is found without a daemon',
    withPlace(async () => {
      const store = await openStore('auto', { env: place.env, onWarning });
      expect(store.uri).toBe(sqlite ? 'local' : `tree:${place.realStoreDir}`);
      expect(warnings).toHaveLength(sqlite ? 0 : 1);
      await expectInfo(store);
      const opened = openStore('local', { env: place.env });
      if (sqlite) await expectInfo(await opened);
      else await expect(opened).rejects.toMatchObject({ code: 'database-unavailable' });
    }),
  );

  it(
    'is found behind its daemon, with its build logs',
    withPlace(async () => {
      const { file, args } = place.command('nix-daemon', []);
      const daemon = spawn(file, args, { env: { ...place.env }, stdio: 'ignore' });
      const socket = join(place.realStateDir, 'daemon-socket/socket');
      try {
        for (let waited = 0; !(await listens(socket)) && waited < 10_000; waited += 20) await setTimeout(20);
        for (const uri of ['auto', 'daemon', `unix://${socket}`]) {
          const store = await openWritableStore(uri, { env: place.env, onWarning });
          expect(store.uri).toBe('daemon');
          const { deriver } = (await store.queryPathInfo(built.application))!;
          const log = await store.queryBuildLog!(deriver!);
          expect(Buffer.from(log!).toString()).toBe('building the application\n');
          await store.close();
        }
        await expectFilesReadWhereTheyLie();
        expect(warnings).toEqual([]);
      } finally {
        const ended = once(daemon, 'exit');
        // A SIGTERM between two connections may be lost on it: it goes on to wait for the next.
        daemon.kill('SIGKILL');
        await ended;
      }
      // A daemon that is gone leaves its socket behind.
      expect(existsSync(socket)).toBe(true);
      await expectInfo(await openStore('auto', { env: place.env }));
      await expect(openStore('daemon', { env: place.env })).rejects.toMatchObject({ code: 'daemon-unreachable' });
    }),
  );
});

describeNix(
  'the store of a Nix in a root',
  (nix) => {
    it('is opened by its directory', async () => {
      const place = await createNixPlace(nix, { atNixStore: true });
      try {
        const { application } = await buildClosure(place);
        for (const uri of [place.directory, `local?root=${place.directory}`, `auto?root=${place.directory}`]) {
          if (!sqlite && !uri.startsWith('auto')) {
            await expect(openStore(uri)).rejects.toMatchObject({ code: 'database-unavailable' });
            continue;
          }
          const store = await openStore(uri, { env: { NIX_DAEMON_SOCKET_PATH: '/nonexistent', NIX_REMOTE: 'tree:/' } });
          expect(store.storeDir).toBe('/nix/store');
          expect(await store.queryPathInfo(application)).toMatchObject({ path: application });
          expect((await bytesOf(store.narFromPath(application))).length).toBeGreaterThan(0);
          await store.close();
        }
      } finally {
        await place.remove();
      }
    });
  },
  ['root'],
);
