/**
 * The NAR of a path out of a binary cache, checked while it streams.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import type { NarInfo } from '../narinfo/index.ts';
import { unpackNar } from '../store/unpack-nar.ts';
import { compressedNarOf } from './nar-file.ts';

/**
 * Stream a NAR: who reaches the end without an error has the bytes that the narinfo promises.
 *
 * @throws StoreError `nar-absent` when the file is not there, and what {@link unpackNar} throws.
 */
export function readNar(
  backend: Backend,
  info: NarInfo,
  storeDir: string,
  options: AbortOptions,
): AsyncIterable<Uint8Array> {
  return unpackNar(compressedNarOf(backend, info, storeDir), info, storeDir, options).stream;
}
