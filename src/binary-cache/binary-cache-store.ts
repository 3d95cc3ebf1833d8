/**
 * A binary cache over a backend, as a store.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import { encodeUtf8 } from '../bytes/bytes.ts';
import { type NixCacheInfo, NixCacheInfoError } from '../narinfo/cache-info.ts';
import { formatNarInfo } from '../narinfo/format.ts';
import { type NarInfo, narInfoContentType, narInfoKey } from '../narinfo/narinfo.ts';
import type { PathInfo } from '../path-info.ts';
import { mergeSignatures } from '../signature.ts';
import type { SecretKey } from '../signing/keys.ts';
import type { Publication, QueryPathInfosOptions, WritableStore } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { defaultStoreDir, formatStorePath, type StorePath } from '../store-path.ts';
import { readCacheInfo, writeCacheInfo } from './cache-info.ts';
import { compressedNarOf } from './nar-file.ts';
import { readNarInfo, readNarInfoOf } from './narinfo-reader.ts';
import { putCompressed } from './put-compressed.ts';
import { readFile } from './read-file.ts';
import type { BinaryCacheSettings } from './settings.ts';

/** How many narinfo files are asked for at a time: as many as there are connections to an HTTP server. */
const queryConcurrency = 64;
const maximumLogBytes = 1024 * 1024 * 1024;

/** How a binary cache is opened. */
export interface BinaryCacheOptions extends AbortOptions {
  readonly settings?: BinaryCacheSettings | undefined;
  /** Keys that `copy` signs with what it puts here. */
  readonly secretKeys?: readonly SecretKey[] | undefined;
  /** Takes a line about what is left out and fails nothing. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told of a `nix-cache-info` that cannot be read, so that the cache can be verified all the same; without it, the error is thrown. */
  readonly onCacheInfoError?: ((error: NixCacheInfoError) => void) | undefined;
}

/** A store whose path infos say where the NARs lie. */
export interface BinaryCacheStore extends WritableStore {
  readonly backend: Backend;
  /** What the cache said of itself when it was opened. */
  readonly cacheInfo: NixCacheInfo | undefined;
  /** The narinfo of a path, or `undefined` when there is none. */
  queryPathInfo(path: StorePath, options?: AbortOptions): Promise<NarInfo | undefined>;
  queryPathInfos(paths: Iterable<StorePath>, options?: QueryPathInfosOptions): Promise<Map<StorePath, NarInfo>>;
}

/**
 * Open a binary cache. Nothing is written before the first path goes into it.
 *
 * @throws {@link StoreError} `store-dir-mismatch` when the cache is for another store directory.
 * @example
 * ```ts
 * import { createMemoryBackend } from 'narkit/backend';
 * import { openBinaryCacheStore } from 'narkit/binary-cache';
 *
 * const cache = await openBinaryCacheStore(createMemoryBackend(), { settings: { compression: 'none' } });
 * if (cache.storeDir !== '/nix/store') throw new Error('unexpected');
 * ```
 */
export async function openBinaryCacheStore(
  backend: Backend,
  options: BinaryCacheOptions = {},
): Promise<BinaryCacheStore> {
  const settings = options.settings ?? {};
  const storeDir = settings.storeDir ?? defaultStoreDir;
  const cacheInfo = await readCacheInfo(backend, storeDir, options).catch((error: unknown) => {
    if (options.onCacheInfoError === undefined || !(error instanceof NixCacheInfoError)) throw error;
    options.onCacheInfoError(error);
    return undefined;
  });
  const to = { backend, settings, storeDir, onWarning: options.onWarning };
  let written: Promise<void> | undefined;

  /** Once for all who put paths at the same time; tried again after a failure. */
  function ensureCacheInfo(abort: AbortOptions): Promise<void> {
    if (cacheInfo !== undefined) return Promise.resolve();
    written ??= writeCacheInfo(backend, storeDir, settings, abort).catch((error: unknown) => {
      written = undefined;
      throw error;
    });
    return written;
  }

  function putNarInfo(info: NarInfo, abort: AbortOptions): Promise<void> {
    const bytes = encodeUtf8(formatNarInfo(info, { storeDir }));
    const key = narInfoKey(info.path);
    return putCompressed(backend, key, bytes, narInfoContentType, settings.narinfoCompression, abort);
  }

  async function requireNarInfo(path: StorePath, abort: AbortOptions): Promise<NarInfo> {
    const info = await readNarInfoOf(backend, storeDir, path, abort);
    if (info !== undefined) return info;
    const full = formatStorePath(path, storeDir);
    throw new StoreError('path-absent', `path '${full}' is not in '${backend.uri}'`, { uri: backend.uri, path: full });
  }

  return {
    backend,
    cacheInfo,
    uri: backend.uri,
    storeDir,
    ...(options.secretKeys !== undefined && { secretKeys: options.secretKeys }),

    queryPathInfo: (path, abort = {}) => readNarInfoOf(backend, storeDir, path, abort),

    async queryPathInfos(paths, { signal, onError } = {}) {
      const infos = new Map<StorePath, NarInfo>();
      await pMap(
        paths,
        async (path) => {
          try {
            const info = await readNarInfoOf(backend, storeDir, path, { signal });
            if (info !== undefined) infos.set(path, info);
          } catch (error) {
            if (onError === undefined || signal?.aborted) throw error;
            onError(path, error);
          }
        },
        { concurrency: queryConcurrency, signal },
      );
      return infos;
    },

    async queryPathFromHashPart(hashPart, abort = {}) {
      return (await readNarInfo(backend, storeDir, hashPart, abort))?.path;
    },

    async *queryAllValidPaths(abort = {}) {
      if (backend.list === undefined)
        throw new StoreError('cannot-list', `'${backend.uri}' cannot list what it has`, { uri: backend.uri });
      for await (const { key } of backend.list('', abort)) {
        const hashPart = /^([0-9a-z]{32})\.narinfo$/.exec(key)?.[1];
        const info = hashPart === undefined ? undefined : await readNarInfo(backend, storeDir, hashPart, abort);
        if (info !== undefined) yield info.path;
      }
    },

    async *narFromPath(path, abort = {}) {
      const { readNar } = await import('./read-nar.ts');
      yield* readNar(backend, await requireNarInfo(path, abort), storeDir, abort);
    },

    compressedNarOf: (info) => (isNarInfo(info) ? compressedNarOf(backend, info, storeDir) : undefined),

    async prepare(info, openNar, { compressedNar, ...abort } = {}): Promise<Publication> {
      await ensureCacheInfo(abort);
      const { layDownNar } = await import('./lay-down-nar.ts');
      const narInfo = await layDownNar(to, info, { openNar, compressedNar }, abort);
      return {
        url: narInfo.url,
        ...(narInfo.fileHash !== undefined && { fileHash: narInfo.fileHash }),
        ...(narInfo.fileSize !== undefined && { fileSize: narInfo.fileSize }),
        publish: (publishAbort = {}) => putNarInfo(narInfo, publishAbort),
        // The NAR stays: it is named by its hash, and the next try finds it there.
        abandon: async () => {},
      };
    },

    async addSignatures(path, signatures, abort = {}) {
      const info = await requireNarInfo(path, abort);
      const merged = mergeSignatures(info.signatures, signatures);
      if (merged.length === info.signatures.length) return false;
      await putNarInfo({ ...info, signatures: merged }, abort);
      return true;
    },

    queryBuildLog: (derivation, abort = {}) =>
      readFile(backend, `log/${derivation}`, { ...abort, maximumBytes: maximumLogBytes }),

    async addBuildLog(derivation, log, abort = {}) {
      await ensureCacheInfo(abort);
      const key = `log/${derivation}`;
      await putCompressed(backend, key, log, 'text/plain; charset=utf-8', settings.logCompression, abort);
    },

    async close() {
      await backend.close?.();
    },
  };
}

function isNarInfo(info: PathInfo): info is NarInfo {
  return 'url' in info;
}
