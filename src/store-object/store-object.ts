/**
 * What is in a store path, from any store.
 *
 * Nix reads the whole NAR for each question (`src/libstore/remote-fs-accessor.cc`) and believes what comes.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { BinaryCacheStore } from '../binary-cache/index.ts';
import { readNar } from '../binary-cache/read-nar.ts';
import { messageOf } from '../errors.ts';
import {
  canonicalNarPath,
  findInListing,
  listNar,
  type NarListing,
  type NarListingRegular,
  readNarFile,
} from '../nar/index.ts';
import { refuseOtherThanRegular } from '../nar/nar-path.ts';
import { type NarInfo, narListingKey } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import { isTrusted, type PublicKey } from '../signing/index.ts';
import { checkedNar } from '../store/checked-nar.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { readListingOfCache } from './listing-of-cache.ts';
import { openFileRange } from './read-range.ts';

/** How to read. */
export interface StoreObjectOptions extends AbortOptions {
  /**
   * Read what is asked for and no more: believe the listing that the cache has beside the narinfo, take a file out of an uncompressed
   * NAR by a range, and leave off where it ends. Nothing of that is compared with the NAR's hash.
   *
   * By default each NAR is read to its end, and its hash and size compared: who gets an answer, or reaches the end of a file,
   * without an error has what the path info promises.
   *
   * @default false
   */
  readonly unchecked?: boolean | undefined;
  /** Refuse a path that none of these keys signed, and that has no content address that proves it. By default any path info is believed. */
  readonly trustedPublicKeys?: readonly PublicKey[] | undefined;
  /** Takes a line when the short way was not to be had, and the NAR is read instead. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What is in a store path. */
export interface StoreObject {
  readonly info: PathInfo;
  /** All that is in it, but for contents. Read once. */
  list(options?: AbortOptions): Promise<NarListing>;
  /**
   * The contents of a regular file in it.
   *
   * @param path names joined by `/`, as `canonicalNarPath` takes them; symlinks are not followed, as in Nix.
   * @throws NarPathError `nar-path-absent` for what is not there, `nar-path-type` for a directory or symlink; NarMismatchError behind
   * the contents, for a NAR that is not the one that was promised; {@link StoreError} `listing-mismatch` for a range that ends in the middle.
   */
  readFile(path: string, options?: AbortOptions): AsyncIterable<Uint8Array>;
}

/**
 * Look into a store path.
 *
 * @throws {@link StoreError} `path-absent` when the store does not have it, `path-untrusted` when no trusted key vouches for it.
 * @example
 * ```ts no-run
 * const cache = await openStore('https://cache.nixos.org');
 * const hello = await openStoreObject(cache, parseStorePath('/nix/store/n50jk09x9hshwx1lh6k3qaiygc7yxbv9-hello-2.12.1'));
 * const listing = findInListing(await hello.list(), 'share');
 * for await (const chunk of hello.readFile('bin/hello')) process.stdout.write(chunk);
 * ```
 */
export async function openStoreObject(
  store: Store,
  path: StorePath,
  options: StoreObjectOptions = {},
): Promise<StoreObject> {
  const { unchecked = false, trustedPublicKeys, onWarning } = options;
  const info = await store.queryPathInfo(path, { signal: options.signal });
  const full = formatStorePath(path, store.storeDir);
  const context = { uri: store.uri, path: full };
  if (info === undefined) throw new StoreError('path-absent', `path '${full}' is not valid in '${store.uri}'`, context);
  if (trustedPublicKeys !== undefined && !isTrusted(info, trustedPublicKeys, store.storeDir))
    throw new StoreError(
      'path-untrusted',
      `path '${full}' of '${store.uri}' lacks a signature by a trusted key`,
      context,
    );

  const cache = isBinaryCache(store) ? { store, info: info as NarInfo } : undefined;
  let listed: NarListing | undefined;
  /** Set once it is known whether there is one. */
  let hint: { readonly listing: NarListing | undefined } | undefined;

  /** What leaves the path is what this very info promises, also when another one lies there meanwhile. */
  function openNar(abort: AbortOptions): AsyncIterable<Uint8Array> {
    if (cache !== undefined) return readNar(cache.store.backend, cache.info, store.storeDir, abort);
    const nar = store.narFromPath(path, abort);
    return unchecked ? nar : checkedNar(nar, info!, store);
  }

  /** The listing of the cache, where it is to be believed and can be read. */
  async function readHint(abort: AbortOptions): Promise<NarListing | undefined> {
    if (!unchecked || cache === undefined) return undefined;
    try {
      hint ??= { listing: await readListingOfCache(cache.store, cache.info, abort) };
    } catch (error) {
      abort.signal?.throwIfAborted();
      warnOfListing(messageOf(error));
      hint = { listing: undefined };
    }
    return hint.listing;
  }

  function warnOfListing(reason: string): void {
    onWarning?.(`the listing '${narListingKey(path)}' of '${store.uri}' is of no use, so the NAR is read: ${reason}`);
  }

  return {
    info,

    async list(abort = {}) {
      listed ??= (await readHint(abort)) ?? (await listNar(openNar(abort), abort));
      return listed;
    },

    async *readFile(fileName, abort = {}) {
      const name = canonicalNarPath(fileName);
      const listing = await readHint(abort);
      const file = listing && findRegular(listing, name);
      if (file?.narOffset !== undefined && cache?.info.compression === 'none') {
        const range = await openFileRange(cache.store, cache.info, name, file, abort);
        if (typeof range !== 'string') return yield* range.contents;
        warnOfListing(range);
      }
      yield* readNarFile(openNar(abort), name, { ...abort, stopEarly: unchecked });
    },
  };
}

function findRegular(listing: NarListing, path: string): NarListingRegular {
  const found = findInListing(listing, path);
  refuseOtherThanRegular(found, path);
  return found;
}

function isBinaryCache(store: Store): store is BinaryCacheStore {
  return 'backend' in store;
}
