/**
 * Is a NAR the one that its path info promises?
 *
 * @module
 */
import { createHasher, equalHashes, formatHash, type Hash } from '../hash/index.ts';
import type { PathInfo } from '../path-info.ts';
import { formatStorePath } from '../store-path.ts';
import type { Store } from './store.ts';
import { NarMismatchError } from './store-error.ts';

/** The store that finds out, for the error. */
type FoundBy = Pick<Store, 'uri' | 'storeDir'>;

/** @throws {@link NarMismatchError} when a NAR of this hash and size is not the one that the info promises. */
export function requirePromisedNar(
  info: PathInfo,
  nar: { readonly hash: Hash; readonly size: number },
  by: FoundBy,
): void {
  if (nar.size === info.narSize && equalHashes(nar.hash, info.narHash)) return;
  throw new NarMismatchError(
    formatStorePath(info.path, by.storeDir),
    by.uri,
    { narHash: formatHash(info.narHash, 'nix32'), narSize: info.narSize },
    { narHash: formatHash(nar.hash, 'nix32'), narSize: nar.size },
  );
}

/**
 * Let a NAR pass, but its last chunk only when hash and size of the whole are those that the path info promises: what has passed before an
 * error is no whole NAR.
 *
 * @throws {@link NarMismatchError}, as soon as there are too many bytes.
 */
export async function* checkedNar(
  nar: AsyncIterable<Uint8Array>,
  info: PathInfo,
  by: FoundBy,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHasher('sha256');
  let size = 0;
  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const chunk of nar) {
      hasher.update(chunk);
      size += chunk.length;
      if (size > info.narSize) break;
      yield chunk;
    }
    requirePromisedNar(info, { hash: hasher.digest(), size }, by);
  }
  yield* heldUntilWhole(checked());
}

/** Let chunks pass, but the last one only when there was no error at their end. */
export async function* heldUntilWhole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (held !== undefined) yield held;
}
