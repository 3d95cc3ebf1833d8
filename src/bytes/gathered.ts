/**
 * Chunks that are kept until there are enough of them.
 *
 * @module
 */
import { concatBytes } from './bytes.ts';

/** Chunks below this size are joined, in bytes. */
const smallChunk = 4096;

/** So many small chunks are joined at a time. */
const joinedAtOnce = 256;

/** Keeps chunks, small ones joined: a peer that sends bytes one by one must not make each of them an object that stays. */
export class GatheredBytes {
  #parts: Uint8Array[] = [];
  #small: Uint8Array[] = [];
  /** Bytes that are kept. */
  size = 0;

  /** Keep a chunk. */
  push(chunk: Uint8Array): void {
    this.size += chunk.length;
    if (chunk.length >= smallChunk) {
      this.#joinSmall();
      this.#parts.push(chunk);
      return;
    }
    this.#small.push(chunk);
    if (this.#small.length === joinedAtOnce) this.#joinSmall();
  }

  /** All of them in new memory; none is kept any more. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = concatBytes([...this.#parts, ...this.#small]);
    this.#parts = [];
    this.#small = [];
    this.size = 0;
    return bytes;
  }

  #joinSmall(): void {
    if (this.#small.length === 0) return;
    this.#parts.push(concatBytes(this.#small));
    this.#small = [];
  }
}
