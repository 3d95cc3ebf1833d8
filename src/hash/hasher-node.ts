/**
 * Digests by Node's OpenSSL, eight times as fast as JavaScript; blake3, which it lacks, in JavaScript.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { HashAlgorithm } from './hash.ts';
import type { Hasher } from './hasher.ts';

/** Begin a digest. */
export function createHasher(algorithm: HashAlgorithm): Hasher {
  if (algorithm === 'blake3') return createBlake3Hasher(algorithm);
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

/** Nix asks for it as an experiment only; loading it takes as long as all else that reads a path info. */
function createBlake3Hasher(algorithm: 'blake3'): Hasher {
  const require = createRequire(import.meta.url);
  const { blake3 } = require('@noble/hashes/blake3.js') as typeof import('@noble/hashes/blake3.js');
  const state = blake3.create();
  return {
    update(bytes) {
      state.update(bytes);
    },
    digest() {
      return { algorithm, digest: state.digest() };
    },
  };
}
