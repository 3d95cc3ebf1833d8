/**
 * Digests by Node's OpenSSL, eight times as fast as JavaScript; blake3, which it lacks, in JavaScript.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { HashAlgorithm } from './hash.ts';
import type { Hasher } from './hasher.ts';
import { createHasher as createPortableHasher } from './hasher-portable.ts';

/** Begin a digest. */
export function createHasher(algorithm: HashAlgorithm): Hasher {
  if (algorithm === 'blake3') return createPortableHasher(algorithm);
  const state = createHash(algorithm);
  return {
    update(bytes) {
      state.update(bytes);
    },
    digest() {
      // A copy: a Buffer would print, compare and serialise otherwise than the Uint8Array that all else gives.
      return { algorithm, digest: new Uint8Array(state.digest()) };
    },
  };
}
