/**
 * Zstd's Huffman codes, of literals.
 *
 * @see RFC 8878, section 4.2
 * @module
 */
import { Damage } from '../damage.ts';
import { backwardStart, readFseTable } from './fse.ts';

const longestCode = 11;

/** A decoding table: by the next `codeLength` bits, the symbol in the low 8 bits, and above them its code's length. */
export interface HuffmanTable {
  readonly codeLength: number;
  readonly entries: Uint16Array;
}

/**
 * Read a code.
 *
 * @throws Damage when it is none.
 */
export function readHuffmanTable(
  view: DataView,
  start: number,
  end: number,
): { readonly table: HuffmanTable; readonly end: number } {
  if (start >= end) throw new Damage('a Huffman code is missing');
  const header = view.getUint8(start);
  const isDirect = header >= 128;
  const tableEnd = start + 1 + (isDirect ? (header - 126) >> 1 : header);
  if (tableEnd > end) throw new Damage('a Huffman code is cut short');
  const weights = isDirect
    ? Array.from({ length: header - 127 }, (_, index) => {
        const byte = view.getUint8(start + 1 + (index >> 1));
        return index % 2 === 0 ? byte >> 4 : byte & 15;
      })
    : readWeights(view, start + 1, tableEnd);
  return { table: buildHuffmanTable(weights), end: tableEnd };
}

/** Weights in two streams of states that alternate, until the bits are used up. */
function readWeights(view: DataView, start: number, end: number): number[] {
  const { table, end: streamStart } = readFseTable(view, start, end, { symbols: 256, accuracyLog: 6 });
  let position = backwardStart(view, streamStart, end);
  const first = streamStart * 8;
  const read = (count: number): number => {
    position -= count;
    // Bits before the stream's start are zeros.
    if (position >= first) return (view.getUint32(position >> 3, true) >>> (position & 7)) & ((1 << count) - 1);
    const present = Math.max(position + count - first, 0);
    return (view.getUint32(first >> 3, true) & ((1 << present) - 1)) << (count - present);
  };
  const weights: number[] = [];
  const states = [read(table.accuracyLog), read(table.accuracyLog)] as [number, number];
  for (let turn: 0 | 1 = 0; ; turn = turn === 0 ? 1 : 0) {
    const entry = table.entries[states[turn]]!;
    weights.push(entry & 0xff);
    if (weights.length > 254) throw new Damage('a Huffman code has too many symbols');
    states[turn] = (entry >> 16) + read((entry >> 8) & 0xff);
    if (position >= first) continue;
    weights.push(table.entries[states[turn === 0 ? 1 : 0]]! & 0xff);
    return weights;
  }
}

/** A symbol of weight `w` has a `2 ** (w - 1)`th part of the codes; the last symbol has what is left. */
function buildHuffmanTable(weights: readonly number[]): HuffmanTable {
  const total = weights.reduce((sum, weight) => sum + ((1 << weight) >> 1), 0);
  const codeLength = 32 - Math.clz32(total);
  const left = (1 << codeLength) - total;
  const isTooLong = codeLength > longestCode || weights.some((weight) => weight > longestCode);
  if (total === 0 || isTooLong || (left & (left - 1)) !== 0) throw new Damage('a Huffman code does not add up');
  const all = [...weights, 32 - Math.clz32(left)];
  const entries = new Uint16Array(1 << codeLength);
  let position = 0;
  for (let weight = 1; weight <= codeLength; weight++) {
    for (let symbol = 0; symbol < all.length; symbol++) {
      if (all[symbol] !== weight) continue;
      const count = 1 << (weight - 1);
      entries.fill(symbol | ((codeLength + 1 - weight) << 8), position, position + count);
      position += count;
    }
  }
  return { codeLength, entries };
}

/**
 * Decode one stream of literals into `output`, which it must fill exactly.
 *
 * @throws Damage when it does not.
 */
export function decodeHuffmanStream(
  { codeLength, entries }: HuffmanTable,
  view: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
  outputEnd: number,
): void {
  const first = start * 8;
  const mask = (1 << codeLength) - 1;
  let position = backwardStart(view, start, end);
  let index = outputStart;
  // A load has 25 bits, enough for two codes. Below the first bit is what stood before: it never chooses another symbol.
  while (index + 1 < outputEnd && position >= first) {
    const low = position - 25;
    const bits = view.getUint32(low >> 3, true) >>> (low & 7);
    const one = entries[(bits >>> (25 - codeLength)) & mask]!;
    const two = entries[(bits >>> (25 - codeLength - (one >> 8))) & mask]!;
    output[index++] = one;
    output[index++] = two;
    position -= (one >> 8) + (two >> 8);
  }
  if (index < outputEnd && position >= first) {
    const low = position - 25;
    const entry = entries[((view.getUint32(low >> 3, true) >>> (low & 7)) >>> (25 - codeLength)) & mask]!;
    output[index++] = entry;
    position -= entry >> 8;
  }
  if (index !== outputEnd || position !== first) throw new Damage('literals do not end where their codes do');
}
