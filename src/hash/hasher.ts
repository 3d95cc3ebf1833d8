/**
 * Streaming digests: what both sides of the `#hasher` seam provide.
 *
 * @module
 */
import type { Hash } from './hash.ts';

/** A digest in the making. */
export interface Hasher {
  /** Take in more bytes; they are not kept. */
  update(bytes: Uint8Array): void;
  /** The hash of all bytes so far. Call it once, last. */
  digest(): Hash;
}
