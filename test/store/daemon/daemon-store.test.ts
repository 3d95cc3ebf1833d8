import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concatBytes } from '../../../src/bytes/index.ts';
import { hashBytes } from '../../../src/hash/index.ts';
import type { PathInfo } from '../../../src/path-info.ts';
import { parsePathInfosJson } from '../../../src/path-info-json.ts';
import { formatPublicKey, generateSecretKey, signPathInfo } from '../../../src/signing/index.ts';
import {
  type DaemonMessage,
  DaemonRefusedError,
  type DaemonStore,
  type DaemonStoreOptions,
  openDaemonStore,
} from '../../../src/store/daemon/index.ts';
import type { WritableStore } from '../../../src/store/store.ts';
import { formatStorePath, parseStorePath, parseStorePathBaseName, type StorePath } from '../../../src/store-path.ts';
import { type NixDaemon, startNixDaemon } from '../../peers/nix-daemon.ts';
import { describeNix, nix as nixOf } from '../../peers/peers.ts';
import { type BuiltClosure, buildClosure, bytesOf, nixDump, nixPathInfoJson } from '../closure-of-nix.ts';

const absent = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent');
const key = generateSecretKey('narkit-test-1');
const daemonSettings = { 'trusted-users': '*', 'trusted-public-keys': formatPublicKey(key.publicKey) };
const protocolMinors = Array.from({ length: 38 - 21 + 1 }, (_, index) => 21 + index);

function openStore(daemon: NixDaemon, options: DaemonStoreOptions = {}): Promise<DaemonStore> {
  const { socketPath, place } = daemon;
  return openDaemonStore({ socketPath, storeDir: place.storeDir, silenceTimeoutMs: 20_000, ...options });
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function* chunksOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.slice(start, start + length);
}

async function publish(store: WritableStore, info: PathInfo, nar: AsyncIterable<Uint8Array>): Promise<void> {
  const publication = await store.prepare(info, () => nar);
  await publication.publish();
}

describeNix('a real daemon', (nix) => {
  let daemon: NixDaemon;
  let built: BuiltClosure;
  let store: DaemonStore;
  /** As Nix itself tells them. */
  let infos: Map<StorePath, PathInfo>;
  let library: StorePath;

  beforeAll(async () => {
    daemon = await startNixDaemon(nix, { settings: daemonSettings });
    built = await buildClosure(daemon.place);
    infos = await pathInfosOf(built.closure);
    library = built.closure.find((path) => path.endsWith('-library'))!;
    store = await openStore(daemon);
  });
  afterAll(async () => {
    await store.close();
    await daemon.stop();
  });

  async function pathInfosOf(paths: readonly StorePath[]): Promise<Map<StorePath, PathInfo>> {
    const { storeDir } = daemon.place;
    const parsed = parsePathInfosJson(await nixPathInfoJson(daemon.place, paths), { storeDir });
    return new Map([...parsed].map(([path, info]) => [path, { ultimate: false, ...info! }]));
  }

  test('tells of itself', () => {
    expect(store.daemon.nixVersion).toMatch(new RegExp(`^${nix.version.replace('.', '\\.')}\\.`));
    expect(store.protocolMinor).toBe(nix.version === '2.8' ? 34 : 38);
    expect(store.daemon.trusted).toBe(nix.version === '2.8' ? undefined : true);
    expect(store.uri).toBe(`unix://${daemon.socketPath}`);
  });

  test('has the path infos that nix path-info prints', async () => {
    expect(await store.queryPathInfos([...built.closure, absent, built.application])).toEqual(infos);
    expect(await store.queryPathInfo(built.application)).toEqual(infos.get(built.application));
    expect(await store.queryPathInfo(absent)).toBeUndefined();
    expect(await store.queryPathInfos([])).toEqual(new Map());
  });

  test('has more path infos than are under way at a time', async () => {
    await daemon.build(`derivation {
      name = "many"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo $all > $out" ];
      all = builtins.toFile "all" (toString (builtins.genList (i: builtins.toFile "one" (toString i)) 1000));
    }`);
    const paths = await allOf(store.queryAllValidPaths());
    expect(paths.length).toBeGreaterThan(1000);
    const many = await store.queryPathInfos(paths);
    expect([...many.keys()].sort()).toEqual(paths.sort());
    const all = paths.find((path) => path.endsWith('-all'))!;
    expect(many.get(all)?.references.length).toBe(1000);
  });

  test('has the valid paths that nix path-info --all prints', async () => {
    const { stdout } = await daemon.run('nix', ['path-info', '--all']);
    const paths = (await allOf(store.queryAllValidPaths())).map((path) => formatStorePath(path, store.storeDir));
    expect(paths.sort()).toEqual(stdout.toString().trim().split('\n').sort());
    for await (const path of store.queryAllValidPaths()) {
      expect(path).toBeDefined();
      break; // and whoever has enough leaves the store usable
    }
    expect(await store.queryValidPaths([...built.closure, absent])).toEqual(new Set(built.closure));
  });

  test('finds a path by its hash part', async () => {
    expect(await store.queryPathFromHashPart(library.slice(0, 32))).toBe(library);
    expect(await store.queryPathFromHashPart(absent.slice(0, 32))).toBeUndefined();
    await expect(store.queryPathFromHashPart('short')).rejects.toThrow(TypeError);
  });

  test('tells the outputs of a derivation', async () => {
    const { deriver } = infos.get(library)!;
    expect(await store.queryDerivationOutputMap(deriver!)).toEqual(new Map([['out', library]]));
  });

  test('gives the NARs that nix-store --dump writes, all at once, and answers meanwhile', async () => {
    const nars = built.closure.map(async (path) => [path, await bytesOf(store.narFromPath(path))] as const);
    expect(await store.queryPathInfos(built.closure)).toEqual(infos);
    for (const [path, nar] of await Promise.all(nars)) {
      expect(nar.equals(await nixDump(daemon.place, path)), path).toBe(true);
      expect(hashBytes('sha256', nar)).toEqual(infos.get(path)!.narHash);
    }
  });

  test('has no NAR of a path that is not valid', async () => {
    const nar = bytesOf(store.narFromPath(absent));
    await expect(nar).rejects.toMatchObject({ code: 'path-absent', path: formatStorePath(absent, store.storeDir) });
  });

  test('serves others when a consumer has enough', async () => {
    for await (const chunk of store.narFromPath(library)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect((await bytesOf(store.narFromPath(library))).length).toBe(infos.get(library)!.narSize);
  });

  test('stops when the signal says so', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const nar = store.narFromPath(library, controller)[Symbol.asyncIterator]();
    await nar.next();
    controller.abort(reason);
    await expect(allOf({ [Symbol.asyncIterator]: () => nar })).rejects.toBe(reason);
    await expect(store.queryPathInfo(library, controller)).rejects.toBe(reason);
    await expect(bytesOf(store.narFromPath(library, controller))).rejects.toBe(reason);
    expect(await store.queryPathInfo(library)).toBeDefined();
  });

  test('adds signatures, once', async () => {
    const info = infos.get(library)!;
    const signature = signPathInfo(info, key, store.storeDir);
    expect(await store.addSignatures(library, [signature])).toBe(true);
    expect(await store.addSignatures(library, [signature])).toBe(false);
    expect((await pathInfosOf([library])).get(library)?.signatures).toEqual([...info.signatures, signature].sort());
    await expect(store.addSignatures(absent, [signature])).rejects.toMatchObject({ code: 'path-absent' });
  });

  test('keeps the log of a build', async () => {
    const { deriver } = infos.get(library)!;
    const log = new TextEncoder().encode('a log\n'.repeat(1000));
    await rm(join(daemon.place.env.NIX_LOG_DIR!, 'drvs', deriver!.slice(0, 2)), { recursive: true, force: true });
    await store.addBuildLog(deriver!, log);
    const { stdout } = await daemon.run('nix-store', ['--read-log', formatStorePath(deriver!, store.storeDir)]);
    expect(stdout.equals(log)).toBe(true);
  });

  test('tells what the daemon says, to whoever asks', async () => {
    const messages: DaemonMessage[] = [];
    const talkative = await openStore(daemon, { onMessage: (message) => messages.push(message), dontCheckSigs: true });
    const nar = await bytesOf(talkative.narFromPath(library));
    await publish(talkative, infos.get(library)!, chunksOf(nar, nar.length));
    await talkative.close();
    expect(messages.every(({ type }) => ['log', 'start-activity', 'stop-activity', 'result'].includes(type))).toBe(
      true,
    );
  });

  test('finds the daemon, and the store directory, by the variables of Nix', async () => {
    const found = await openDaemonStore({
      environment: { NIX_DAEMON_SOCKET_PATH: daemon.socketPath, NIX_STORE_DIR: store.storeDir },
    });
    expect(found.uri).toBe('daemon');
    expect(await found.queryPathInfo(library)).toMatchObject({ narHash: infos.get(library)!.narHash });
    await found.close();
  });

  test('says so when the store directory is another', async () => {
    const other = await openStore(daemon, { storeDir: '/elsewhere/store' });
    await expect(other.queryPathInfo(library)).rejects.toThrow(
      /says: path .*\/elsewhere\/store.* is not in the Nix store/,
    );
    await expect(bytesOf(other.narFromPath(library))).rejects.toThrow('is not in the Nix store');
    await expect(allOf(other.queryAllValidPaths())).rejects.toThrow(`not directly in the store directory '/elsewhere`);
    const seen: StorePath[] = [];
    const all = other.queryPathInfos([...built.closure], { onError: (path) => seen.push(path) });
    await expect(all).rejects.toThrow('is not in the Nix store');
    expect(seen[0]).toBe(built.closure[0]);
    await other.close();
  });

  test('is closed when it is closed', async () => {
    const closed = await openStore(daemon);
    const nar = closed.narFromPath(library)[Symbol.asyncIterator]();
    await nar.next();
    await closed.close();
    await expect(allOf({ [Symbol.asyncIterator]: () => nar })).rejects.toMatchObject({ code: 'store-closed' });
    await expect(closed.queryPathInfo(library)).rejects.toMatchObject({ code: 'store-closed' });
    await expect(closed.addTempRoot(library)).rejects.toMatchObject({ code: 'store-closed' });
  });

  test('keeps the garbage collector from a path until it is closed', async () => {
    const [path] = await daemon.build(`derivation {
      name = "garbage"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo garbage > $out" ];
    }`);
    const garbage = parseStorePath(path!, store.storeDir);
    const keeper = await openStore(daemon);
    await keeper.addTempRoot(garbage);
    await expect(daemon.run('nix-store', ['--delete', path!])).rejects.toThrow('still alive');
    await keeper.close();
    await eventually(() => daemon.run('nix-store', ['--delete', path!]));
    expect(await store.queryPathInfo(garbage)).toBeUndefined();
  });

  describe('paths that are broken on disk', () => {
    async function buildAndBreak(name: string, command: string): Promise<StorePath> {
      const [path] = await daemon.build(`derivation {
        name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin";
        args = [ "-e" "-c" "mkdir $out; head -c 300000 /dev/zero > $out/a" ];
      }`);
      await chmod(path!, 0o755);
      await daemon.run('/bin/sh', ['-e', '-c', command], { env: { path: path! } });
      return parseStorePath(path!, store.storeDir);
    }

    test('files that are gone', async () => {
      const path = await buildAndBreak('gone', 'rm -r $path');
      const nar = bytesOf(store.narFromPath(path));
      await expect(nar).rejects.toMatchObject({
        code: 'path-absent',
        message: expect.stringContaining('is not there any more'),
      });
    });

    test('what no NAR can hold, found after files that it can', async () => {
      const path = await buildAndBreak('unsupported', 'mkfifo $path/b');
      const nar = bytesOf(store.narFromPath(path));
      await expect(nar).rejects.toMatchObject({
        code: 'daemon-refused',
        message: expect.stringMatching(/says: file '.*\/b' has an unsupported type/),
        path: formatStorePath(path, store.storeDir),
      });
      expect(await store.queryPathInfo(library)).toBeDefined();
    });
  });

  describe('importing', () => {
    let nars: Map<StorePath, Buffer>;

    beforeAll(async () => {
      const all = built.closure.map(async (path) => [path, await bytesOf(store.narFromPath(path))] as const);
      nars = new Map(await Promise.all(all));
    });

    /** A connection that has imported a path keeps it from the garbage collector until the daemon sees that it is closed. */
    async function collectGarbage(): Promise<void> {
      await eventually(async () => {
        await daemon.place.run('nix-store', ['--gc']);
        expect(await store.queryValidPaths([...built.closure, absent])).toEqual(new Set());
      });
    }

    /** References first. */
    async function importClosure(into: DaemonStore): Promise<void> {
      const left = new Set(built.closure);
      while (left.size > 0) {
        const ready = [...left].filter((path) =>
          infos.get(path)!.references.every((reference) => reference === path || !left.has(reference)),
        );
        await Promise.all(ready.map((path) => publish(into, infos.get(path)!, chunksOf(nars.get(path)!, 70_001))));
        for (const path of ready) left.delete(path);
      }
    }

    test.each(protocolMinors)('in protocol 1.%i, Nix finds nothing wrong', async (protocolMinor) => {
      const old = await openStore(daemon, { protocolMinor, dontCheckSigs: true });
      expect(old.protocolMinor).toBe(Math.min(protocolMinor, store.protocolMinor));
      await collectGarbage();
      await importClosure(old);
      await daemon.run('nix-store', ['--verify-path', ...built.closure.map((path) => `${store.storeDir}/${path}`)]);
      const imported = new Map([...infos].map(([path, info]) => [path, { ...info, ultimate: false }]));
      expect(await pathInfosOf(built.closure)).toEqual(imported);
      expect(await old.queryPathInfos([...built.closure, absent])).toEqual(imported);
      expect(await old.queryValidPaths([...built.closure, absent])).toEqual(new Set(built.closure));
      expect((await bytesOf(old.narFromPath(library))).equals(nars.get(library)!)).toBe(true);
      await importClosure(old); // what is there stays as it is
      const unclear = old.addBuildLog(infos.get(library)!.deriver!, new Uint8Array(10));
      if (protocolMinor < 33) await expect(unclear).rejects.toMatchObject({ code: 'daemon-version' });
      else await unclear;
      await old.close();
    });

    test('the whole store is as it should be afterwards', async () => {
      await collectGarbage();
      const trusting = await openStore(daemon, { dontCheckSigs: true });
      await importClosure(trusting);
      await trusting.close();
      const { stderr } = await daemon.run('nix-store', ['--verify', '--check-contents'], { mayFail: true });
      for (const path of built.closure) expect(stderr).not.toContain(path);
    });

    describe.each([22, 31, 38])('what is wrong is refused, in 1.%i', (protocolMinor) => {
      let trusting: DaemonStore;
      let strict: DaemonStore;
      let info: PathInfo;
      let nar: Buffer;
      beforeAll(async () => {
        trusting = await openStore(daemon, { protocolMinor, dontCheckSigs: true });
        strict = await openStore(daemon, { protocolMinor });
        nar = nars.get(library)!;
        info = { ...infos.get(library)!, path: absent, references: [], signatures: [] };
      });
      afterAll(async () => {
        expect(await trusting.queryPathInfo(absent)).toBeUndefined();
        await trusting.close();
        await strict.close();
      });

      test('a changed byte, with both hashes in the error', async () => {
        const changed = Buffer.from(nar);
        changed[changed.length / 2]! ^= 1;
        const error = await publish(trusting, info, chunksOf(changed, 65_536)).catch((reason) => reason);
        expect(error).toMatchObject({ code: 'nar-mismatch', path: `${store.storeDir}/${absent}` });
        expect(error.expected.narSize).toBe(error.actual.narSize);
        expect(error.expected.narHash).not.toBe(error.actual.narHash);
      });

      test.each([1, 1000, 1_000_000])('%i bytes too few, and too many', async (bytes) => {
        const short = publish(trusting, info, chunksOf(nar.subarray(0, -bytes), 65_536));
        await expect(short).rejects.toMatchObject({ code: 'nar-mismatch', actual: { narSize: nar.length - bytes } });
        const long = publish(trusting, info, chunksOf(concatBytes([nar, new Uint8Array(bytes)]), 65_536));
        // Nobody reads on to see how much there would have been.
        const { code, actual } = await long.catch((reason) => reason);
        expect(code).toBe('nar-mismatch');
        expect(actual.narSize).toBeGreaterThan(nar.length);
        expect(actual.narSize).toBeLessThanOrEqual(nar.length + Math.min(bytes, 65_536));
      });

      test('bytes that hash right and are no NAR', async () => {
        const bytes = new Uint8Array(100_000).fill(1);
        const honest = { ...info, narHash: hashBytes('sha256', bytes), narSize: bytes.length };
        await expect(publish(trusting, honest, chunksOf(bytes, 1000))).rejects.toThrow(DaemonRefusedError);
      });

      test('a source that breaks', async () => {
        const reason = new Error('the source broke');
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield nar.subarray(0, 100_000);
          throw reason;
        }
        await expect(publish(trusting, info, broken())).rejects.toBe(reason);
      });

      test('a path without a trusted signature', async () => {
        const unsigned = publish(strict, info, chunksOf(nar, 65_536));
        await expect(unsigned).rejects.toMatchObject({
          code: 'daemon-refused',
          message: expect.stringMatching(
            /says: cannot add path .* because it lacks a (valid signature|signature by a trusted key)/,
          ),
          path: `${store.storeDir}/${absent}`,
        });
      });

      test('a path whose references are not there', async () => {
        const missing = parseStorePathBaseName('0000000000000000000000000000000a-missing');
        const dangling = publish(trusting, { ...info, references: [missing] }, chunksOf(nar, 65_536));
        await expect(dangling).rejects.toThrow(/says: .*-missing' is not valid/);
      });

      test('a content address that is not the content’s', async () => {
        const contentAddress = { method: 'nar' as const, hash: info.narHash };
        await expect(publish(strict, { ...info, contentAddress }, chunksOf(nar, 65_536))).rejects.toThrow(
          DaemonRefusedError,
        );
      });

      test('nothing, when the signal says so', async () => {
        const controller = new AbortController();
        const reason = new Error('enough');
        async function* endless(): AsyncGenerator<Uint8Array> {
          yield nar.subarray(0, 100_000);
          controller.abort(reason);
          yield* chunksOf(nar.subarray(100_000), 100_000);
        }
        const publication = await trusting.prepare(info, endless);
        await expect(publication.publish(controller)).rejects.toBe(reason);
      });
    });

    test('a path with a trusted signature is taken', async () => {
      const strict = await openStore(daemon);
      const nar = nars.get(library)!;
      const info = { ...infos.get(library)!, path: absent, references: [], signatures: [] };
      await publish(strict, { ...info, signatures: [signPathInfo(info, key, store.storeDir)] }, chunksOf(nar, 65_536));
      expect(await pathInfosOf([absent])).toMatchObject(new Map([[absent, { narSize: nar.length, ultimate: false }]]));
      await strict.close();
    });
  });
});

describeNix('a daemon that does not trust this user', (nix) => {
  test('says so, and checks signatures all the same', async () => {
    const daemon = await startNixDaemon(nix, { settings: { ...daemonSettings, 'trusted-users': 'nobody-at-all' } });
    try {
      const store = await openStore(daemon, { dontCheckSigs: true });
      expect(store.daemon.trusted).toBe(nix.version === '2.8' ? undefined : false);
      const [path] = await daemon.build(`derivation {
        name = "untrusted"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo > $out" ];
      }`);
      const info = (await store.queryPathInfo(parseStorePath(path!, store.storeDir)))!;
      const nar = await bytesOf(store.narFromPath(info.path));
      const unsigned = publish(store, { ...info, path: absent }, chunksOf(nar, 100));
      await expect(unsigned).rejects.toMatchObject({ code: 'daemon-refused' });
      await expect(store.addBuildLog(info.deriver!, new Uint8Array(10))).rejects.toThrow('not privileged to add logs');
      await store.close();
    } finally {
      await daemon.stop();
    }
  });
});

describeNix('a daemon that is not for this user', (nix) => {
  test('hangs up, and the error says why that may be', async () => {
    const nobody = { 'trusted-users': 'nobody-at-all', 'allowed-users': 'nobody-at-all' };
    const daemon = await startNixDaemon(nix, { settings: nobody });
    try {
      await expect(openStore(daemon)).rejects.toMatchObject({
        code: 'daemon-disconnected',
        message: expect.stringContaining('perhaps this user is not among its allowed-users'),
      });
    } finally {
      await daemon.stop();
    }
  });
});

describeNix(
  'from the newest Nix to each',
  (nix) => {
    test('a closure at /nix/store', async () => {
      const source = await startNixDaemon(nixOf('2.34')!, { atNixStore: true, settings: daemonSettings });
      const target = await startNixDaemon(nix, { atNixStore: true, settings: daemonSettings });
      try {
        const [from, to] = await Promise.all([openStore(source), openStore(target, { dontCheckSigs: true })]);
        const { closure } = await buildClosure(source.place);
        const infos = await from.queryPathInfos(closure);
        const done = new Set<StorePath>();
        while (done.size < closure.length)
          for (const [path, info] of infos) {
            if (done.has(path) || !info.references.every((other) => other === path || done.has(other))) continue;
            await publish(to, info, from.narFromPath(path));
            done.add(path);
          }
        await target.run('nix-store', ['--verify', '--check-contents']);
        const printed = parsePathInfosJson(await nixPathInfoJson(target.place, closure));
        for (const [path, info] of infos) expect({ ...printed.get(path), ultimate: info.ultimate }).toEqual(info);
        for (const path of closure)
          expect((await nixDump(target.place, path)).equals(await nixDump(source.place, path)), path).toBe(true);
        await Promise.all([from.close(), to.close()]);
      } finally {
        await Promise.all([source.stop(), target.stop()]);
      }
    });
  },
  ['root', 'nix-2.34'],
);

async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await delay(50);
    }
  }
}
