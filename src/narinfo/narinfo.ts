/**
 * What a binary cache says of one store path.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';
import { formatHash, type Hash } from '../hash/hash.ts';
import type { PathInfo } from '../path-info.ts';
import { type StorePath, storePathHashPart } from '../store-path.ts';

/**
 * A narinfo: the path info, and where the NAR lies and how it is compressed.
 *
 * No signature covers `url`, `compression`, `fileHash` and `fileSize`, nor what {@link PathInfo} names.
 */
export interface NarInfo extends PathInfo {
  /** Relative to the cache, or absolute; may have a query. */
  readonly url: string;
  /** As written; `bzip2` where the narinfo has none. */
  readonly compression: string;
  /** Of the file at `url`, that is of the compressed NAR. */
  readonly fileHash?: Hash;
  /** Bytes of the file at `url`. */
  readonly fileSize?: number;
}

/** The media type of a narinfo. */
export const narInfoContentType = 'text/x-nix-narinfo';

/** A narinfo that Nix would call corrupt. */
export class NarInfoError extends NarkitError {
  /** Which narinfo: a key, a URL, a file. */
  readonly where: string;
  /** The line, from 1; absent when a field is missing altogether. */
  readonly line: number | undefined;
  /** The field that is wrong or missing, where it is one. */
  readonly field: string | undefined;

  constructor(
    reason: string,
    place: { where: string; line?: number | undefined; field?: string | undefined },
    options?: ErrorOptions,
  ) {
    const at = place.line === undefined ? '' : ` at line ${place.line}`;
    super('narinfo', `NAR info file '${place.where}' is corrupt: ${reason}${at}`, options);
    this.where = place.where;
    this.line = place.line;
    this.field = place.field;
  }
}

/** Where the narinfo of a path lies in a cache: `<hash part>.narinfo`. */
export function narInfoKey(path: StorePath): string {
  return `${storePathHashPart(path)}.narinfo`;
}

/** Where the listing of a path lies in a cache: `<hash part>.ls`. */
export function narListingKey(path: StorePath): string {
  return `${storePathHashPart(path)}.ls`;
}

const suffixes: Readonly<Record<string, string>> = {
  br: '.br',
  bzip2: '.bz2',
  lz4: '.lz4',
  lzip: '.lzip',
  xz: '.xz',
  zstd: '.zst',
};

/**
 * Where Nix puts a NAR: `nar/<nix32 of the compressed file's sha256>.nar` and a suffix for the compressions that have one.
 * (Nix: `src/libstore/binary-cache-store.cc`.)
 *
 * @example
 * ```ts
 * narKey(hashBytes('sha256', new Uint8Array()), 'zstd');
 * // 'nar/0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73.nar.zst'
 * ```
 */
export function narKey(fileHash: Hash, compression: string): string {
  const suffix = Object.hasOwn(suffixes, compression) ? suffixes[compression] : '';
  return `nar/${formatHash(fileHash, 'nix32', { prefix: false })}.nar${suffix}`;
}
