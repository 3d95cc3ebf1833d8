/**
 * A NAR on its way into a store that must not take a wrong one.
 *
 * @module
 */
import { createHasher, equalHashes, formatHash } from '../../hash/index.ts';
import type { PathInfo } from '../../path-info.ts';
import { NarMismatchError } from '../store-error.ts';

/**
 * Let a NAR pass, but its last chunk only when hash and size of the whole are those that the path info promises.
 *
 * @param path the full store path, for the error.
 * @throws {@link NarMismatchError} otherwise: what has passed by then is no whole NAR.
 */
export async function* checkNar(
  nar: AsyncIterable<Uint8Array>,
  info: PathInfo,
  path: string,
  uri: string,
): AsyncGenerator<Uint8Array> {
  const hasher = createHasher('sha256');
  let narSize = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of nar) {
    if (chunk.length === 0) continue;
    hasher.update(chunk);
    narSize += chunk.length;
    // What is too long is read to its end for the sake of the error, and goes nowhere.
    if (narSize > info.narSize) continue;
    if (held !== undefined) yield held;
    held = chunk;
  }
  const narHash = hasher.digest();
  if (narSize !== info.narSize || !equalHashes(narHash, info.narHash))
    throw new NarMismatchError(
      path,
      uri,
      { narHash: formatHash(info.narHash, 'nix32'), narSize: info.narSize },
      { narHash: formatHash(narHash, 'nix32'), narSize },
    );
  if (held !== undefined) yield held;
}
