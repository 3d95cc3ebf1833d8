/**
 * The range decoder of LZMA: bits, each as likely as those before it in the same place were.
 *
 * @see The LZMA specification of the LZMA SDK
 * @module
 */
import { Damage } from '../damage.ts';

/** Reads bits out of a whole chunk. Beyond its end there are zeros; {@link RangeDecoder.finish} tells. */
export class RangeDecoder {
  readonly #probabilities: Uint16Array;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #range = 0;
  #code = 0;

  /** `probabilities` are updated with each bit, and may be reset from outside. */
  constructor(probabilities: Uint16Array) {
    this.#probabilities = probabilities;
  }

  /** Begin a chunk. @throws Damage */
  begin(bytes: Uint8Array): void {
    if (bytes.length < 5 || bytes[0] !== 0) throw new Damage('a chunk does not begin as one');
    this.#bytes = bytes;
    this.#position = 5;
    this.#range = 0xffffffff;
    this.#code = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  }

  /** End a chunk. @throws Damage when it was read to another place than its end. */
  finish(): void {
    if (this.#code !== 0 || this.#position !== this.#bytes.length)
      throw new Damage('a chunk does not end where its content does');
  }

  /** The next bit, with the probability at `index`. */
  bit(index: number): number {
    const probability = this.#probabilities[index]!;
    const bound = (this.#range >>> 11) * probability;
    let bit = 0;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probabilities[index] = probability + ((2048 - probability) >>> 5);
    } else {
      this.#range -= bound;
      this.#code -= bound;
      this.#probabilities[index] = probability - (probability >>> 5);
      bit = 1;
    }
    if (this.#range < 0x1000000) this.#shift();
    return bit;
  }

  /** `count` bits, highest first, by a tree of probabilities that begins at `index`. */
  tree(index: number, count: number): number {
    let node = 1;
    for (let bit = 0; bit < count; bit++) node = (node << 1) | this.bit(index + node);
    return node - (1 << count);
  }

  /** `count` bits, lowest first, by a tree of probabilities that begins at `index`. */
  reverseTree(index: number, count: number): number {
    let node = 1;
    let value = 0;
    for (let bit = 0; bit < count; bit++) {
      const next = this.bit(index + node);
      node = (node << 1) | next;
      value |= next << bit;
    }
    return value;
  }

  /** `count` bits, highest first, of which nothing is known. */
  direct(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++) {
      this.#range >>>= 1;
      const next = this.#code >= this.#range ? 1 : 0;
      if (next === 1) this.#code -= this.#range;
      value = (value << 1) | next;
      if (this.#range < 0x1000000) this.#shift();
    }
    return value;
  }

  #shift(): void {
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#bytes[this.#position++] ?? 0)) >>> 0;
  }
}
