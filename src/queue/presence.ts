/**
 * Which paths a destination lacks, asked as cheaply as its kind allows.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import type { BinaryCacheStore } from '../binary-cache/index.ts';
import { narInfoKey } from '../narinfo/index.ts';
import type { Store } from '../store/store.ts';
import { isStorePathHashPart, type StorePath } from '../store-path.ts';

/** As many as Nix has connections to a cache. */
const askConcurrency = 25;
const listConcurrency = 8;

/** Those of `paths` that the store lacks, asked one by one: of a cache whether there is a narinfo, without reading it. */
export async function findAbsent(
  store: Store,
  paths: readonly StorePath[],
  options: AbortOptions = {},
): Promise<StorePath[]> {
  if (!isBinaryCache(store)) {
    const there = await store.queryPathInfos(paths, options);
    return paths.filter((path) => !there.has(path));
  }
  const isThere = await pMap(
    paths,
    async (path) => (await store.backend.head(narInfoKey(path), options)) !== undefined,
    { concurrency: askConcurrency, signal: options.signal },
  );
  return paths.filter((_, index) => !isThere[index]);
}

/**
 * The backend of a store of which a list is cheaper than a question for each path. A directory of this machine's is not: to ask it for a
 * file takes less than to read it whole.
 */
export function listableBackend(store: Store): Backend | undefined {
  if (!isBinaryCache(store) || store.backend.list === undefined) return undefined;
  return store.backend.uri.startsWith('file:') ? undefined : store.backend;
}

function isBinaryCache(store: Store): store is BinaryCacheStore {
  return 'backend' in store;
}

/** The hash parts of all paths that a cache has a narinfo of, in no order. Folders, with as many NARs and listings, are not listed. */
export async function listHashParts(
  backend: Backend,
  onHashPart: (hashPart: string) => void,
  options: AbortOptions = {},
): Promise<void> {
  await pMap(
    narInfoPrefixes(),
    async (prefix) => {
      for await (const { key } of backend.list!(prefix, options)) {
        const hashPart = key.slice(0, -'.narinfo'.length);
        if (key.endsWith('.narinfo') && isStorePathHashPart(hashPart)) onHashPart(hashPart);
      }
    },
    { concurrency: listConcurrency, signal: options.signal },
  );
}

/** What else lies in a cache (`src/libstore/binary-cache-store.cc`, `nar-accessor.cc`; `realisations/`, `build-trace-v2/`). */
const folders = ['build-trace-v2/', 'debuginfo/', 'log/', 'nar/', 'realisations/'];
const nix32Characters = [...'0123456789abcdfghijklmnpqrsvwxyz'];

/** Texts of which each hash part begins with one, and no folder with any. */
function narInfoPrefixes(start = ''): string[] {
  return nix32Characters.flatMap((character) => {
    const prefix = start + character;
    return folders.some((folder) => folder.startsWith(prefix)) ? narInfoPrefixes(prefix) : prefix;
  });
}
