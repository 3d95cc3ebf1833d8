/**
 * The Huffman codes of bzip2.
 *
 * @module
 */
import type { BitReader } from './bit-reader.ts';

/** The longest code, in bits. */
export const longestCode = 20;

/** Codes up to this length, in bits, are looked up in one step. */
const lookupLength = 10;

/** A canonical code: shorter codes first, equally long ones in the order of their symbols. */
export class HuffmanCode {
  /** By the next bits: the code's length in the high bits and the symbol in the low 9, or 0 for a longer code. */
  readonly #lookup = new Uint16Array(1 << lookupLength);
  /** By length: the first number beyond the codes of that length, and what makes an index of a code. */
  readonly #limits = new Int32Array(longestCode + 1);
  readonly #offsets = new Int32Array(longestCode + 1);
  readonly #symbols: Uint16Array;

  /** `lengths` has the length of each symbol's code, from 1 to {@link longestCode}. */
  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length);
    let code = 0;
    let index = 0;
    for (let length = 1; length <= longestCode; length++) {
      this.#offsets[length] = index - code;
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== length) continue;
        this.#symbols[index++] = symbol;
        if (length <= lookupLength) {
          const first = code << (lookupLength - length);
          this.#lookup.fill((length << 9) | symbol, first, first + (1 << (lookupLength - length)));
        }
        code++;
      }
      this.#limits[length] = code;
      code <<= 1;
    }
  }

  /** The next symbol, or `undefined` when the bits are no code. */
  read(bits: BitReader): number | undefined {
    const next = bits.peek24();
    const entry = this.#lookup[next >>> (24 - lookupLength)]!;
    if (entry !== 0) {
      bits.drop(entry >>> 9);
      return entry & 0x1ff;
    }
    for (let length = lookupLength + 1; length <= longestCode; length++) {
      const code = next >>> (24 - length);
      if (code >= this.#limits[length]!) continue;
      bits.drop(length);
      return this.#symbols[code + this.#offsets[length]!];
    }
    return undefined;
  }
}
