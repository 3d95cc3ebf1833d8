/**
 * Digests in plain JavaScript, for where there is no Node.
 *
 * @module
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { HashAlgorithm } from './hash.ts';
import type { Hasher } from './hasher.ts';

const functions = { blake3, md5, sha1, sha256, sha512 };

/** Begin a digest. */
export function createHasher(algorithm: HashAlgorithm): Hasher {
  const state = functions[algorithm].create();
  return {
    update(bytes) {
      state.update(bytes);
    },
    digest() {
      return { algorithm, digest: state.digest() };
    },
  };
}
