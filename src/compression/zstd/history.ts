/**
 * What was decoded last, for matches to reach back to.
 *
 * @module
 */
import { Damage } from '../damage.ts';
import { maximumBlockSize } from './zstd-frames.ts';

/** The bytes of a frame so far, as far back as its window reaches. It grows with its content, not with what a header says. */
export class History {
  bytes: Uint8Array = new Uint8Array(2 * maximumBlockSize);
  /** Where the next byte goes. */
  end = 0;
  /** The most bytes that a block of the frame may add. */
  blockLimit = 0;
  #windowSize = 0;

  /** Begin a frame. */
  reset(windowSize: number): void {
    this.#windowSize = windowSize;
    this.blockLimit = Math.min(maximumBlockSize, windowSize);
    this.end = 0;
  }

  /** Make room for a block. */
  reserve(): void {
    const size = this.end + maximumBlockSize;
    if (size <= this.bytes.length) return;
    const enough = this.#windowSize + Math.max(this.#windowSize >> 2, 8 * maximumBlockSize);
    if (this.bytes.length < enough) {
      const larger = new Uint8Array(Math.max(size, Math.min(2 * this.bytes.length, enough)));
      larger.set(this.bytes.subarray(0, this.end));
      this.bytes = larger;
      return;
    }
    this.bytes.copyWithin(0, this.end - this.#windowSize, this.end);
    this.end = this.#windowSize;
  }

  /** Append bytes for which there is room. */
  append(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Append `length` bytes out of others, often a few. */
  appendPart(source: Uint8Array, start: number, length: number): void {
    const { bytes, end } = this;
    if (length > 48) bytes.set(source.subarray(start, start + length), end);
    else for (let index = 0; index < length; index++) bytes[end + index] = source[start + index]!;
    this.end = end + length;
  }

  /** Append a byte `count` times; there is room for that. */
  appendRepeated(byte: number, count: number): void {
    this.bytes.fill(byte, this.end, this.end + count);
    this.end += count;
  }

  /**
   * Append `length` bytes from `offset` bytes back; they may be among those that are appended.
   *
   * @throws Damage when the match reaches beyond the window or the frame's begin.
   */
  copyMatch(offset: number, length: number): void {
    const { bytes, end } = this;
    if (offset > end || offset > this.#windowSize || offset === 0) throw new Damage('a match reaches too far back');
    const stop = end + length;
    if (offset >= length && length > 32) bytes.copyWithin(end, end - offset, stop - offset);
    else for (let index = end; index < stop; index++) bytes[index] = bytes[index - offset]!;
    this.end = stop;
  }
}
