/**
 * Which files a cache has, remembered in little memory.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { BackendEntry } from '../backend/backend.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { encodeUtf8 } from '../bytes/index.ts';
import { decodeNix32, hashBytes } from '../hash/index.ts';
import { narInfoKey } from '../narinfo/index.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { type StorePath, storePathHashPart } from '../store-path.ts';
import { classifyCacheFile } from './cache-files.ts';
import { createDigestSet, type DigestSet } from './digest-set.ts';
import { createFinding, type VerifyFinding } from './finding.ts';

/** What is known of a cache's files. */
export interface Inventory {
  /** Hash parts of the narinfo files that are known to be there. */
  readonly narInfos: DigestSet;
  /** Hash parts of the narinfo files that were taken out of sight. */
  readonly quarantined: DigestSet;
  /** May there be `.ls` files? */
  hasListings: boolean;
  /** Remember that a narinfo names this file. */
  addNamed(key: string): void;
  /** Does a narinfo name this file? */
  isNamed(key: string): boolean;
}

/** An inventory with nothing in it. */
export function createInventory(): Inventory {
  const named = createDigestSet();
  return {
    narInfos: createDigestSet(),
    quarantined: createDigestSet(),
    hasListings: true,
    addNamed: (key) => named.add(digestOfKey(key)),
    isNamed: (key) => named.has(digestOfKey(key)),
  };
}

function digestOfKey(key: string): Uint8Array {
  return hashBytes('sha256', encodeUtf8(key)).digest;
}

/** The 20 bytes of a path's hash part. */
export function digestOfPath(path: StorePath): Uint8Array {
  return decodeNix32(storePathHashPart(path));
}

/** Take in all narinfo files of a cache; files that only look like one are found. */
export async function* takeInventory(
  cache: BinaryCacheStore,
  inventory: Inventory,
  options: AbortOptions,
): AsyncGenerator<VerifyFinding> {
  inventory.hasListings = false;
  for await (const { key } of listFiles(cache, options)) {
    const file = classifyCacheFile(key);
    if (file.kind === 'narinfo') inventory.narInfos.add(decodeNix32(file.hashPart));
    else if (file.kind === 'listing') inventory.hasListings = true;
    else if (file.kind === 'misnamed-narinfo')
      yield createFinding(
        'narinfo-misnamed',
        `no client asks for '${key}': the name of a narinfo is 32 nix32 characters and '.narinfo'`,
        { key },
      );
  }
}

/** Files that no narinfo names, once all narinfo files were read. */
export async function* findOrphans(
  cache: BinaryCacheStore,
  inventory: Inventory,
  options: AbortOptions,
): AsyncGenerator<VerifyFinding> {
  for await (const { key, size } of listFiles(cache, options)) {
    const file = classifyCacheFile(key);
    if (file.kind === 'listing' && !inventory.narInfos.has(decodeNix32(file.hashPart)))
      yield createFinding('orphan-listing', `'${key}' is the listing of no path of the cache`, { key, size });
    if ((file.kind !== 'nar' && file.kind !== 'stray') || inventory.isNamed(key)) continue;
    yield file.kind === 'nar'
      ? createFinding('orphan-nar', `no narinfo that could be read names '${key}'`, { key, size })
      : createFinding('stray-file', `no client asks for '${key}'`, { key, size });
  }
}

function listFiles({ backend }: BinaryCacheStore, options: AbortOptions): AsyncIterable<BackendEntry> {
  if (backend.list !== undefined) return backend.list('', options);
  throw new StoreError('cannot-list', `'${backend.uri}' cannot list what it has: name the paths to verify`, {
    uri: backend.uri,
  });
}

/** Is the cache known to have a path, or to have had it before this verification? */
export function isKnown({ narInfos, quarantined }: Inventory, path: StorePath): boolean {
  const digest = digestOfPath(path);
  return narInfos.has(digest) || quarantined.has(digest);
}

/** The same, asking the cache for what is not known: it may have come meanwhile. */
export async function hasPath(
  { backend }: BinaryCacheStore,
  inventory: Inventory,
  path: StorePath,
  options: AbortOptions,
): Promise<boolean> {
  if (isKnown(inventory, path)) return true;
  if ((await backend.head(narInfoKey(path), options)) === undefined) return false;
  inventory.narInfos.add(digestOfPath(path));
  return true;
}

/** Does one of these stores have a path? */
export async function isInOneOf(stores: readonly Store[], path: StorePath, options: AbortOptions): Promise<boolean> {
  for (const store of stores) if ((await store.queryPathInfo(path, options)) !== undefined) return true;
  return false;
}
