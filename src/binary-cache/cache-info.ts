/**
 * `nix-cache-info`: read when a cache is opened, written when the first path goes into a cache that has none.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import { encodeUtf8 } from '../bytes/bytes.ts';
import {
  formatNixCacheInfo,
  maximumNixCacheInfoBytes,
  type NixCacheInfo,
  nixCacheInfoContentType,
  nixCacheInfoKey,
  parseNixCacheInfo,
} from '../narinfo/cache-info.ts';
import { StoreError } from '../store/store-error.ts';
import { readFile } from './read-file.ts';
import type { BinaryCacheSettings } from './settings.ts';

/**
 * What the cache says of itself, or `undefined` when it says nothing.
 *
 * @throws {@link StoreError} `store-dir-mismatch` for a cache of another store directory (Nix: `BinaryCacheStore::init`).
 */
export async function readCacheInfo(
  backend: Backend,
  storeDir: string,
  options: AbortOptions,
): Promise<NixCacheInfo | undefined> {
  const bytes = await readFile(backend, nixCacheInfoKey, { ...options, maximumBytes: maximumNixCacheInfoBytes });
  if (bytes === undefined) return undefined;
  const info = parseNixCacheInfo(bytes, { where: `${nixCacheInfoKey} of ${backend.uri}` });
  if (info.storeDir !== undefined && info.storeDir !== storeDir)
    throw new StoreError(
      'store-dir-mismatch',
      `binary cache '${backend.uri}' is for Nix stores with prefix '${info.storeDir}', not '${storeDir}'`,
      { uri: backend.uri },
    );
  return info;
}

/** Write what Nix writes into a new cache. */
export async function writeCacheInfo(
  backend: Backend,
  storeDir: string,
  settings: BinaryCacheSettings,
  options: AbortOptions,
): Promise<void> {
  const { wantMassQuery, priority } = settings;
  const text = formatNixCacheInfo({
    storeDir,
    ...(wantMassQuery !== undefined && { wantMassQuery }),
    ...(priority !== undefined && { priority }),
  });
  await backend.put(nixCacheInfoKey, encodeUtf8(text), { ...options, contentType: nixCacheInfoContentType });
}
