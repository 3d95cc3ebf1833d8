/**
 * The hash of bytes at hand.
 *
 * @module
 */
import { createHasher } from '#hasher';
import type { Hash, HashAlgorithm } from './hash.ts';

/**
 * Hash bytes that are all there.
 *
 * @example
 * ```ts
 * formatHash(hashBytes('sha256', new Uint8Array()), 'sri');
 * ```
 */
export function hashBytes(algorithm: HashAlgorithm, bytes: Uint8Array): Hash {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}
