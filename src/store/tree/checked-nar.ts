/**
 * A NAR that is checked while it passes.
 *
 * @module
 */
import { createHasher, equalHashes, formatHash } from '../../hash/index.ts';
import type { PathInfo } from '../../path-info.ts';
import { formatStorePath } from '../../store-path.ts';
import { NarMismatchError } from '../store-error.ts';

/**
 * The chunks of `nar`: who reaches the end without an error has the bytes that the info promises.
 *
 * @throws {@link NarMismatchError}, as soon as there are too many bytes.
 */
export async function* checkedNar(
  nar: AsyncIterable<Uint8Array>,
  info: PathInfo,
  store: { readonly uri: string; readonly storeDir: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHasher('sha256');
  let narSize = 0;
  for await (const chunk of nar) {
    hasher.update(chunk);
    narSize += chunk.length;
    if (narSize > info.narSize) break;
    yield chunk;
  }
  const narHash = hasher.digest();
  if (narSize === info.narSize && equalHashes(narHash, info.narHash)) return;
  throw new NarMismatchError(
    formatStorePath(info.path, store.storeDir),
    store.uri,
    { narHash: formatHash(info.narHash, 'nix32'), narSize: info.narSize },
    { narHash: formatHash(narHash, 'nix32'), narSize },
  );
}
