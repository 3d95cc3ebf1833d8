/**
 * The files of a binary cache that hold NARs.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, type BackendObject, type ByteRange, isKey } from '../backend/backend.ts';
import type { NarInfo } from '../narinfo/index.ts';
import type { CompressedNar } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath } from '../store-path.ts';

/** The file that a narinfo names. */
export function compressedNarOf(backend: Backend, info: NarInfo, storeDir: string): CompressedNar {
  const { url, compression, fileHash, fileSize } = info;
  const { uri } = backend;
  return {
    uri,
    url,
    compression,
    fileHash,
    fileSize,
    async *open(options = {}) {
      const path = formatStorePath(info.path, storeDir);
      const object = await getNarFile(backend, url, { uri, path }, options);
      if (object === undefined)
        throw new StoreError('nar-absent', `'${url}', the NAR of '${path}', is absent from '${uri}'`, { uri, path });
      const { body, contentEncoding } = object;
      if (contentEncoding === undefined) return yield* body;
      const { findCodec } = await import('../compression/find-codec.ts');
      yield* findCodec(contentEncoding).decompress(body, options);
    },
  };
}

/** A URL may have a query, or lead elsewhere, where the cache is behind one itself; elsewhere it is a key. */
export function getNarFile(
  backend: Backend,
  url: string,
  context: { readonly uri: string; readonly path: string },
  options: AbortOptions & { readonly range?: ByteRange },
): Promise<BackendObject | undefined> {
  if (backend.getByUrl !== undefined) return backend.getByUrl(url, options);
  if (isKey(url)) return backend.get(url, options);
  const reason = `the narinfo of '${context.path}' in '${context.uri}' has a URL that leads out of the cache: '${url}'`;
  throw new StoreError('narinfo-url', reason, context);
}
