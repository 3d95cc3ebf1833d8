/**
 * LZMA: literals and matches out of a range decoder's bits.
 *
 * @see The LZMA specification of the LZMA SDK
 * @module
 */
import { Damage } from '../damage.ts';
import type { LzmaDictionary } from './lzma-dictionary.ts';
import { RangeDecoder } from './range-decoder.ts';

/** Where each kind of probability begins. */
const isMatch = 0;
const isRepeat = 192;
const isRepeat0 = 204;
const isRepeat1 = 216;
const isRepeat2 = 228;
const isLongRepeat0 = 240;
const distanceSlot = 432;
const distanceSpecial = 688;
const distanceAlign = 816;
const matchLength = 832;
const repeatLength = 1346;
const literal = 1860;

/** Of a length coder, from its beginning on. */
const lengthLow = 2;
const lengthMiddle = 130;
const lengthHigh = 258;

const shortestMatch = 2;

/** The state that goes on from chunk to chunk. */
export class LzmaDecoder {
  readonly #dictionary: LzmaDictionary;
  readonly #probabilities = new Uint16Array(literal + (0x300 << 4));
  readonly #bits = new RangeDecoder(this.#probabilities);
  #literalContextBits = 0;
  #literalPositionMask = 0;
  #positionMask = 0;
  #state = 0;
  #repeats: [number, number, number, number] = [0, 0, 0, 0];

  constructor(dictionary: LzmaDictionary) {
    this.#dictionary = dictionary;
  }

  /** Other parameters: `(pb * 5 + lp) * 9 + lc`. @throws Damage */
  setProperties(properties: number): void {
    const contextBits = properties % 9;
    const positionBits = Math.floor(properties / 9) % 5;
    if (properties > 224 || contextBits + positionBits > 4)
      throw new Damage('a chunk has properties that none can have');
    this.#literalContextBits = contextBits;
    this.#literalPositionMask = (1 << positionBits) - 1;
    this.#positionMask = (1 << Math.floor(properties / 45)) - 1;
  }

  /** Forget what came before. */
  reset(): void {
    this.#probabilities.fill(1024);
    this.#state = 0;
    this.#repeats = [0, 0, 0, 0];
  }

  /** Append what a chunk holds, `size` bytes, to the dictionary, which has room for it. @throws Damage */
  decode(chunk: Uint8Array, size: number): void {
    const dictionary = this.#dictionary;
    const bits = this.#bits;
    bits.begin(chunk);
    const limit = dictionary.position + size;
    while (dictionary.position < limit) {
      const position = dictionary.position & this.#positionMask;
      if (bits.bit(isMatch + (this.#state << 4) + position) === 0) {
        dictionary.append(this.#readLiteral());
        continue;
      }
      const length = bits.bit(isRepeat + this.#state) === 0 ? this.#readMatch(position) : this.#readRepeat(position);
      if (length > limit - dictionary.position) throw new Damage('a match reaches beyond its chunk');
      dictionary.copyMatch(this.#repeats[0] + 1, length);
    }
    bits.finish();
  }

  #readLiteral(): number {
    const dictionary = this.#dictionary;
    const bits = this.#bits;
    const contextBits = this.#literalContextBits;
    const place = (dictionary.position & this.#literalPositionMask) << contextBits;
    const index = literal + 0x300 * (place + (dictionary.back(1) >>> (8 - contextBits)));
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
    if (state < 7) return bits.tree(index, 8);
    // After a match its next byte is what this one is not: told by bits as long as they are the same.
    let expected = dictionary.back(this.#repeats[0] + 1) << 1;
    let same = 0x100;
    let symbol = 1;
    while (symbol < 0x100) {
      const expectedBit = expected & same;
      const bit = bits.bit(index + same + expectedBit + symbol);
      symbol = (symbol << 1) | bit;
      same &= bit === 1 ? expectedBit : ~expectedBit;
      expected <<= 1;
    }
    return symbol - 0x100;
  }

  /** A match with a distance of its own; its length. */
  #readMatch(position: number): number {
    const [first, second, third] = this.#repeats;
    this.#state = this.#state < 7 ? 7 : 10;
    const length = this.#readLength(matchLength, position);
    this.#repeats = [this.#readDistance(Math.min(length - shortestMatch, 3)), first, second, third];
    return length;
  }

  /** A match with one of the last four distances; its length. */
  #readRepeat(position: number): number {
    const bits = this.#bits;
    const state = this.#state;
    const [first, second, third, fourth] = this.#repeats;
    if (bits.bit(isRepeat0 + state) === 0) {
      if (bits.bit(isLongRepeat0 + (state << 4) + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else if (bits.bit(isRepeat1 + state) === 0) this.#repeats = [second, first, third, fourth];
    else if (bits.bit(isRepeat2 + state) === 0) this.#repeats = [third, first, second, fourth];
    else this.#repeats = [fourth, first, second, third];
    this.#state = state < 7 ? 8 : 11;
    return this.#readLength(repeatLength, position);
  }

  #readLength(coder: number, position: number): number {
    const bits = this.#bits;
    if (bits.bit(coder) === 0) return shortestMatch + bits.tree(coder + lengthLow + (position << 3), 3);
    if (bits.bit(coder + 1) === 0) return shortestMatch + 8 + bits.tree(coder + lengthMiddle + (position << 3), 3);
    return shortestMatch + 16 + bits.tree(coder + lengthHigh, 8);
  }

  /** Counted from 0. */
  #readDistance(lengthClass: number): number {
    const bits = this.#bits;
    const slot = bits.tree(distanceSlot + (lengthClass << 6), 6);
    if (slot < 4) return slot;
    const lowBits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << lowBits) >>> 0;
    if (slot < 14) return base + bits.reverseTree(distanceSpecial + base - slot, lowBits);
    return base + ((bits.direct(lowBits - 4) << 4) >>> 0) + bits.reverseTree(distanceAlign, 4);
  }
}
