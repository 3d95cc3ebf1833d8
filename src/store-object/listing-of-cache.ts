/**
 * The listing that a cache keeps beside a narinfo.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { BinaryCacheStore } from '../binary-cache/index.ts';
import { readFile } from '../binary-cache/read-file.ts';
import { maximumListingLength, type NarListing, parseNarListing } from '../nar/index.ts';
import { type NarInfo, narListingKey } from '../narinfo/index.ts';

/**
 * The `.ls` file of a path, or `undefined` when the cache has none. Nobody signs it: it is a hint.
 *
 * @throws NarListingError for what is no listing, BackendError `object-too-large` for one that no NAR of this size could have.
 */
export async function readListingOfCache(
  cache: BinaryCacheStore,
  info: NarInfo,
  { signal }: AbortOptions,
): Promise<NarListing | undefined> {
  // In a NAR each name, target and object takes more bytes than in JSON, but for names that JSON escapes, by six for one.
  const maximumBytes = Math.min(maximumListingLength, 4096 + 8 * info.narSize);
  const bytes = await readFile(cache.backend, narListingKey(info.path), { signal, maximumBytes });
  return bytes && parseNarListing(bytes);
}
