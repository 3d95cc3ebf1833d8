/**
 * Bits of a byte array, highest first.
 *
 * @module
 */

/** Reads beyond the end give zeros: who reads checks {@link BitReader.isPastEnd}. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  #bits = 0;
  #count = 0;

  /** Begins `startBit` bits into the bytes. */
  constructor(bytes: Uint8Array, startBit: number) {
    this.#bytes = bytes;
    this.#position = startBit >>> 3;
    this.read(startBit & 7);
  }

  /** The next `count` bits, at most 24. */
  read(count: number): number {
    while (this.#count < count) {
      this.#bits = (this.#bits << 8) | this.#bytes[this.#position++]!;
      this.#count += 8;
    }
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  /** The next bit as a truth value. */
  readFlag(): boolean {
    return this.read(1) === 1;
  }

  /** The next 24 bits, of which none is taken. */
  peek24(): number {
    const bits = this.read(24);
    this.#count += 24;
    return bits;
  }

  /** Take `count` of the bits that {@link BitReader.peek24} showed. */
  drop(count: number): void {
    this.#count -= count;
  }

  /** Where the next bit is, in bits from the start. */
  get bitPosition(): number {
    return this.#position * 8 - this.#count;
  }

  /** Were more bits read than there are? */
  get isPastEnd(): boolean {
    return this.bitPosition > this.#bytes.length * 8;
  }
}
