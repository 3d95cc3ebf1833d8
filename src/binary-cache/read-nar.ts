/**
 * The NAR of a path out of a binary cache, checked while it streams.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, type BackendObject, isKey } from '../backend/backend.ts';
import { findCodec } from '../compression/index.ts';
import { equalHashes, formatHash } from '../hash/index.ts';
import type { NarInfo } from '../narinfo/index.ts';
import { NarMismatchError, StoreError } from '../store/store-error.ts';
import { formatStorePath } from '../store-path.ts';
import { measure } from './measured.ts';

/**
 * Stream a NAR: who reaches the end without an error has the bytes that the narinfo promises.
 *
 * @throws {@link StoreError} `nar-absent` when the file is not there, `nar-file-mismatch` when it is not the file that the narinfo
 * names; {@link NarMismatchError} when what comes out of it is another NAR.
 */
export async function* readNar(
  backend: Backend,
  info: NarInfo,
  storeDir: string,
  options: AbortOptions,
): AsyncGenerator<Uint8Array> {
  const path = formatStorePath(info.path, storeDir);
  const context = { uri: backend.uri, path };
  const object = await getNarFile(backend, info.url, context, options);
  if (object === undefined)
    throw new StoreError('nar-absent', `'${info.url}', the NAR of '${path}', is absent from '${backend.uri}'`, context);

  const file = measure(object.body);
  const codec = findCodec(info.compression);
  const nar = measure(codec.decompress(file.stream, { ...options, maximumSize: info.narSize }));
  yield* nar.stream;

  const { hash: narHash, size: narSize } = nar.result();
  if (!equalHashes(narHash, info.narHash) || narSize !== info.narSize)
    throw new NarMismatchError(path, backend.uri, describe(info.narHash, info.narSize), describe(narHash, narSize));

  const { hash: fileHash, size: fileSize } = file.result();
  const hashDiffers = info.fileHash !== undefined && !equalHashes(fileHash, info.fileHash);
  const sizeDiffers = info.fileSize !== undefined && fileSize !== info.fileSize;
  if (hashDiffers || sizeDiffers)
    throw new StoreError(
      'nar-file-mismatch',
      `'${info.url}' of '${backend.uri}' has hash ${formatHash(fileHash, 'nix32')} and ${fileSize} bytes, but the narinfo of ` +
        `'${path}' promises ${info.fileHash === undefined ? 'any hash' : formatHash(info.fileHash, 'nix32')} and ` +
        `${info.fileSize ?? 'any number of'} bytes`,
      context,
    );
}

/** A URL may have a query, or lead elsewhere, where the cache is behind one itself; elsewhere it is a key. */
function getNarFile(
  backend: Backend,
  url: string,
  context: { readonly uri: string; readonly path: string },
  options: AbortOptions,
): Promise<BackendObject | undefined> {
  if (backend.getByUrl !== undefined) return backend.getByUrl(url, options);
  if (isKey(url)) return backend.get(url, options);
  const reason = `the narinfo of '${context.path}' in '${context.uri}' has a URL that leads out of the cache: '${url}'`;
  throw new StoreError('narinfo-url', reason, context);
}

function describe(hash: NarInfo['narHash'], narSize: number): { narHash: string; narSize: number } {
  return { narHash: formatHash(hash, 'nix32'), narSize };
}
