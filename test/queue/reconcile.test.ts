/** Reconciling: what is found lacking, by a list and by questions, and what is queued of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Backend, createMemoryBackend } from '../../src/backend/index.ts';
import { type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { encodeNix32, hashBytes } from '../../src/hash/index.ts';
import { narInfoKey } from '../../src/narinfo/index.ts';
import { listHashParts } from '../../src/queue/presence.ts';
import { readRecords } from '../../src/queue/queued-path.ts';
import { reconcile } from '../../src/queue/reconcile.ts';
import { openSpool, type Spool } from '../../src/queue/spool.ts';
import { openStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/store.ts';
import { parseStorePathBaseName, type StorePath, storePathHashPart } from '../../src/store-path.ts';
import { describePeer } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';

const paths = Array.from({ length: 700 }, (_, index) => {
  const hashPart = encodeNix32(hashBytes('sha256', encodeUtf8(`path ${index}`)).digest.subarray(0, 20));
  return parseStorePathBaseName(`${hashPart}-name-${index}`);
});

/** A store of which only the names matter. */
function createNamesStore(valid: readonly StorePath[]): Store {
  return {
    uri: 'names',
    storeDir: '/nix/store',
    async *queryAllValidPaths() {
      yield* valid;
    },
  } as unknown as Store;
}

/** A cache of empty narinfos: presence is all that is asked for. */
async function fill(backend: Backend, present: readonly StorePath[]): Promise<void> {
  for (const path of present) await backend.put(narInfoKey(path), new Uint8Array(1));
}

let directory: string;
let spool: Spool;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-reconcile-'));
  spool = await openSpool(join(directory, 'queue'), { create: true, gcRootsDirectory: false });
});
afterEach(() => rm(directory, { recursive: true }));

async function queued(): Promise<StorePath[]> {
  const found: StorePath[] = [];
  for await (const record of readRecords(spool, await spool.listRecordIds())) {
    expect(record.paths.length).toBeLessThanOrEqual(256);
    found.push(...record.paths);
  }
  return found;
}

function withoutList({ list: _, ...backend }: Backend): Backend {
  return backend;
}

async function createCaches(...present: readonly (readonly StorePath[])[]): Promise<BinaryCacheStore[]> {
  return Promise.all(
    present.map(async (there, index) => {
      const backend = createMemoryBackend();
      await fill(backend, there);
      return openBinaryCacheStore(index % 2 === 0 ? backend : withoutList(backend));
    }),
  );
}

const [half, third] = [paths.filter((_, index) => index % 2 === 0), paths.filter((_, index) => index % 3 === 0)];

test.each([
  ['one that lists', [half]],
  ['one that lists and one that does not', [half, third]],
  ['two that list', [half, paths, third]],
  ['empty ones', [[], []]],
  ['full ones', [paths, paths]],
])('what is not in all of %s is queued', async (_, present) => {
  const caches = await createCaches(...present);
  const everywhere = paths.filter((path) => present.every((there) => there.includes(path)));
  const lacking = paths.filter((path) => !everywhere.includes(path));
  const told: StorePath[] = [];
  const options = { tag: 'reconcile', onLacking: (path: StorePath) => told.push(path) };
  expect(await reconcile(spool, createNamesStore(paths), caches, options)).toEqual({
    valid: paths.length,
    present: everywhere.length,
    skipped: 0,
    lacking: lacking.length,
  });
  expect(told).toEqual(lacking);
  expect((await queued()).sort()).toEqual(lacking.toSorted());
});

test('what waits already is not queued again', async () => {
  await spool.addRecord({ storeDir: '/nix/store', paths: third.slice(0, 100) });
  const caches = await createCaches([]);
  const result = await reconcile(spool, createNamesStore(paths), caches, {});
  expect(result).toMatchObject({ present: 100, lacking: 600 });
  expect(new Set(await queued()).size).toBe(700);
  expect(await reconcile(spool, createNamesStore(paths), caches, {})).toMatchObject({ present: 700, lacking: 0 });
});

test('a dry run leaves the queue alone', async () => {
  const caches = await createCaches([]);
  expect(await reconcile(spool, createNamesStore(paths), caches, { dryRun: true })).toMatchObject({ lacking: 700 });
  expect(await queued()).toEqual([]);
});

test('a store that is no cache is asked for its paths', async () => {
  const fixture = await openStore(`tree:${new URL('../../fixtures/store', import.meta.url).pathname}`);
  expect(await reconcile(spool, fixture, [fixture], {})).toEqual({ valid: 3, present: 3, skipped: 0, lacking: 0 });
  const empty = await createCaches([]);
  expect(await reconcile(spool, fixture, [fixture, ...empty], {})).toMatchObject({ lacking: 3 });
});

test('it ends when it is told to', async () => {
  const caches = await createCaches([], []);
  const reason = new Error('enough');
  const controller = new AbortController();
  const names = createNamesStore(paths);
  const onLacking = () => controller.abort(reason);
  await expect(reconcile(spool, names, caches, { signal: controller.signal, onLacking })).rejects.toBe(reason);
});

const others = [
  'nix-cache-info',
  'nar/0000000000000000000000000000000000000000000000000000.nar',
  `log/${paths[0]}.drv`,
  `debuginfo/${'0'.repeat(32)}.narinfo`,
  `nar/${'0'.repeat(32)}.narinfo`,
  `${'0'.repeat(32)}.ls`,
  `${'e'.repeat(32)}.narinfo`,
  'narinfo.narinfo',
];

async function expectAllListed(backend: Backend): Promise<void> {
  // Beside paths whose hash parts begin as the folders of a cache do.
  const like = ['nar', 'na', 'n', 'l', 'd', 'r', 'b'].map((start) =>
    parseStorePathBaseName(`${start.padEnd(32, '0')}-like`),
  );
  const present = [...paths.slice(0, 10), ...like];
  await fill(backend, present);
  for (const key of others) await backend.put(key, new Uint8Array(1));
  const listed: string[] = [];
  await listHashParts(backend, (hashPart) => listed.push(hashPart));
  expect(listed.sort()).toEqual(present.map(storePathHashPart).sort());
}

test('a list has each narinfo once, and nothing else', () => expectAllListed(createMemoryBackend()));

describePeer('s3', 'a real S3 server', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  test('lists each narinfo once, and what it lacks is queued', async () => {
    const bucket = await server.createBucket();
    const store = await openStore(server.uri(bucket));
    expect('backend' in store).toBe(true);
    const { backend } = store as BinaryCacheStore;
    await expectAllListed(backend);
    expect(await reconcile(spool, createNamesStore(paths), [store], {})).toMatchObject({ present: 10, lacking: 690 });
    await store.close();
  }, 60_000);
});
