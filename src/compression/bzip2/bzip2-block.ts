/**
 * A block of bzip2: Huffman codes, move-to-front, the inverse Burrows-Wheeler transform, and runs.
 *
 * @see https://gitlab.com/bzip2/bzip2, `decompress.c`; there is no other specification
 * @module
 */
import { Damage } from '../damage.ts';
import type { BitReader } from './bit-reader.ts';
import { HuffmanCode, longestCode } from './huffman.ts';

const symbolsInGroup = 50;
const mostSelectors = 18_002;

/**
 * Decodes blocks, one after the other: {@link Bzip2Block.begin} takes a block's bits, {@link Bzip2Block.read} gives its bytes.
 */
export class Bzip2Block {
  #maximumSize = 0;
  /** The transform's bytes in the low 8 bits, and above them the position of the byte that comes next. */
  #links: Uint32Array = new Uint32Array(0);
  #left = 0;
  #position = 0;
  #previous = -1;
  #repeats = 0;
  #runLeft = 0;
  #crc = -1;

  /**
   * Begin a stream. Its memory is that of the stream before: an archive may have a stream every 14 bytes.
   *
   * @param maximumSize the most bytes in a block before runs are undone: the stream's level times 100,000.
   */
  reset(maximumSize: number): void {
    this.#maximumSize = maximumSize;
    if (this.#links.length < maximumSize) this.#links = new Uint32Array(maximumSize);
  }

  /** The CRC-32 of what was read of the block. */
  get crc(): number {
    return ~this.#crc >>> 0;
  }

  /**
   * Take a block, from after its magic and CRC.
   *
   * @throws Damage when it is damaged.
   */
  begin(bits: BitReader): void {
    if (bits.readFlag()) throw new Damage('it has a randomised block, as bzip2 0.9.0 wrote them');
    const origin = bits.read(24);
    const size = this.#readSymbols(bits);
    if (origin >= size) throw new Damage('a block has its origin beyond its end');
    this.#position = this.#links[origin]! >>> 8;
    this.#left = size;
    this.#previous = -1;
    this.#repeats = 0;
    this.#runLeft = 0;
    this.#crc = -1;
  }

  /** Undo moves to front, and link the bytes of the transform. Returns how many there are. */
  #readSymbols(bits: BitReader): number {
    const front = readAlphabet(bits);
    const symbolCount = front.length + 2; // two for runs, one for each byte but the first, one for the end
    const endSymbol = symbolCount - 1;
    const { selectors, codes } = readCodes(bits, symbolCount);
    const links = this.#links;
    const counts = new Uint32Array(256);
    let size = 0;
    let run = 0;
    let runUnit = 1;
    for (const selector of selectors) {
      const code = codes[selector]!;
      if (bits.isPastEnd) break;
      for (let index = 0; index < symbolsInGroup; index++) {
        const symbol = code.read(bits);
        if (symbol === undefined) throw new Damage('a block has bits that are no code');
        if (symbol < 2) {
          run += runUnit << symbol;
          runUnit <<= 1;
          if (run > this.#maximumSize) throw new Damage('a block is too large');
          continue;
        }
        if (run > 0) {
          if (size + run > this.#maximumSize) throw new Damage('a block is too large');
          links.fill(front[0]!, size, size + run);
          counts[front[0]!]! += run;
          size += run;
          run = 0;
          runUnit = 1;
        }
        if (symbol === endSymbol) return this.#link(size, counts);
        if (size === this.#maximumSize) throw new Damage('a block is too large');
        const byte = front[symbol - 1]!;
        front.copyWithin(1, 0, symbol - 1);
        front[0] = byte;
        links[size++] = byte;
        counts[byte]!++;
      }
    }
    throw new Damage('a block has no end');
  }

  #link(size: number, counts: Uint32Array): number {
    const links = this.#links;
    const next = new Uint32Array(256); // where the next of each byte goes: all bytes are in order
    for (let byte = 1; byte < 256; byte++) next[byte] = next[byte - 1]! + counts[byte - 1]!;
    for (let index = 0; index < size; index++) {
      const position = next[links[index]! & 0xff]!++;
      links[position] = (links[position]! & 0xff) | (index << 8);
    }
    return size;
  }

  /** Fill `output` with the block's next bytes. Returns how many there were; fewer than asked for at the block's end. */
  read(output: Uint8Array): number {
    const links = this.#links;
    let left = this.#left;
    let position = this.#position;
    let previous = this.#previous;
    let repeats = this.#repeats;
    let runLeft = this.#runLeft;
    let crc = this.#crc;
    let size = 0;
    while (size < output.length) {
      let byte = previous;
      if (runLeft > 0) {
        runLeft--;
      } else {
        if (left === 0) break;
        const link = links[position]!;
        position = link >>> 8;
        byte = link & 0xff;
        left--;
        if (repeats === 4) {
          // After four equal bytes comes a count of more of them.
          runLeft = byte;
          repeats = 0;
          continue;
        }
        repeats = byte === previous ? repeats + 1 : 1;
        previous = byte;
      }
      output[size++] = byte;
      crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte]!;
    }
    this.#left = left;
    this.#position = position;
    this.#previous = previous;
    this.#repeats = repeats;
    this.#runLeft = runLeft;
    this.#crc = crc;
    return size;
  }
}

/** The bytes that are in the block, from two levels of bit maps. */
function readAlphabet(bits: BitReader): Uint8Array {
  const ranges = bits.read(16);
  const alphabet = [];
  for (let range = 0; range < 16; range++) {
    const map = (ranges & (0x8000 >> range)) === 0 ? 0 : bits.read(16);
    for (let byte = 0; byte < 16; byte++) if ((map & (0x8000 >> byte)) !== 0) alphabet.push(range * 16 + byte);
  }
  if (alphabet.length === 0) throw new Damage('a block has no bytes');
  return Uint8Array.from(alphabet);
}

/** The codes, and which of them each group of 50 symbols uses. */
function readCodes(bits: BitReader, symbolCount: number): { selectors: Uint8Array; codes: readonly HuffmanCode[] } {
  const codeCount = bits.read(3);
  const selectorCount = bits.read(15);
  if (codeCount < 2 || codeCount > 6 || selectorCount === 0) throw new Damage('a block has no or too many codes');
  const selectors = new Uint8Array(selectorCount);
  const order = [0, 1, 2, 3, 4, 5];
  for (let index = 0; index < selectorCount; index++) {
    let place = 0;
    while (bits.readFlag()) if (++place >= codeCount) throw new Damage('a block uses a code that it lacks');
    order.unshift(...order.splice(place, 1));
    selectors[index] = order[0]!;
  }
  const codes = Array.from({ length: codeCount }, () => {
    const lengths = new Uint8Array(symbolCount);
    let length = bits.read(5);
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      while (length >= 1 && length <= longestCode && bits.readFlag()) length += bits.readFlag() ? -1 : 1;
      if (length < 1 || length > longestCode) throw new Damage('a block has a code of a wrong length');
      lengths[symbol] = length;
    }
    return new HuffmanCode(lengths);
  });
  return { selectors: selectors.subarray(0, mostSelectors), codes };
}

/** Of the polynomial 0x04c11db7, highest bit first. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});
