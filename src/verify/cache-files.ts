/**
 * What a file in a cache is for, by its key.
 *
 * @module
 */
import { isStorePathHashPart } from '../store-path.ts';

/** What a key is: a narinfo or a listing, with the hash part; a NAR; what only looks like a narinfo; known; or nobody's. */
export type CacheFile =
  | { readonly kind: 'narinfo' | 'listing'; readonly hashPart: string }
  | { readonly kind: 'nar' | 'misnamed-narinfo' | 'known' | 'stray' };

/** Where narinfo files that are out of sight lie. */
export const quarantineFolder = 'quarantine/';

/** What Nix keeps in a cache besides. */
const knownKeys = /^(nix-cache-info$|(log|debuginfo|realisations|build-trace-v2|quarantine)\/)/;

/** What is this file for? */
export function classifyCacheFile(key: string): CacheFile {
  const [, hashPart = '', extension] = /^([^/.]{32})\.(narinfo|ls)$/.exec(key) ?? [];
  if (isStorePathHashPart(hashPart)) return { kind: extension === 'ls' ? 'listing' : 'narinfo', hashPart };
  if (key.startsWith('nar/')) return { kind: 'nar' };
  if (knownKeys.test(key)) return { kind: 'known' };
  return { kind: /\.narinfo$/i.test(key) ? 'misnamed-narinfo' : 'stray' };
}
