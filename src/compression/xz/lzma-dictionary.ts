/**
 * What was decoded last, for matches to reach back to.
 *
 * @module
 */
import { Damage } from '../damage.ts';

/** Of LZMA2. */
const largestChunkSize = 2_097_152;

/** Bytes as far back as the archive says. It grows with its content, not with what a header says. */
export class LzmaDictionary {
  readonly #size: number;
  #bytes: Uint8Array = new Uint8Array(65_536);
  #end = 0;
  /** How many bytes came since it was emptied. */
  position = 0;

  /** `size` is how far back a match may reach. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Empty it. */
  reset(): void {
    this.position = 0;
    this.#end = 0;
  }

  /** Make room for the bytes of a chunk. */
  reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const kept = this.#bytes.subarray(Math.max(0, this.#end - this.#size), this.#end);
    // So much more than what is kept that it does not move for each chunk.
    const enough = this.#size + Math.max(this.#size >> 2, 2 * largestChunkSize);
    if (this.#bytes.length < enough) {
      const larger = new Uint8Array(Math.min(enough, Math.max(2 * this.#bytes.length, kept.length + count)));
      larger.set(kept);
      this.#bytes = larger;
    } else this.#bytes.set(kept);
    this.#end = kept.length;
  }

  /** The byte so far back, 1 for the last one; 0 before the first. */
  back(distance: number): number {
    return distance > this.position ? 0 : this.#bytes[this.#end - distance]!;
  }

  /** Append a byte, for which there is room. */
  append(byte: number): void {
    this.#bytes[this.#end++] = byte;
    this.position++;
  }

  /** Append bytes, for which there is room. */
  appendAll(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    this.position += bytes.length;
  }

  /** Append `length` bytes from so far back; they may be among those that are appended. @throws Damage */
  copyMatch(distance: number, length: number): void {
    if (distance > this.position || distance > this.#size) throw new Damage('a match reaches too far back');
    const bytes = this.#bytes;
    const start = this.#end;
    const end = start + length;
    for (let index = start; index < end; index++) bytes[index] = bytes[index - distance]!;
    this.#end = end;
    this.position += length;
  }

  /** The last `count` bytes, in a copy. */
  last(count: number): Uint8Array {
    return this.#bytes.slice(this.#end - count, this.#end);
  }
}
