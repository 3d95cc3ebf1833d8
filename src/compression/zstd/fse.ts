/**
 * Finite state entropy, zstd's coding by tables.
 *
 * @see RFC 8878, section 4.1
 * @module
 */
import { Damage } from '../damage.ts';

/**
 * A decoding table. An entry has the symbol in its low 8 bits, then in 8 bits how many bits to read for the next state, and
 * above them what to add to those.
 */
export interface FseTable {
  readonly accuracyLog: number;
  readonly entries: Int32Array;
}

/** The table of a distribution: for each symbol its share of `2 ** accuracyLog` states, -1 for less than one. */
export function buildFseTable(shares: ArrayLike<number>, accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(shares.length);
  let high = size - 1;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    next[symbol] = Math.abs(shares[symbol]!);
    if (shares[symbol] === -1) symbols[high--] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    for (let count = shares[symbol]!; count > 0; count--) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position > high);
    }
  }
  const entries = new Int32Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state]!;
    const rank = next[symbol]!++;
    const bitCount = accuracyLog - (31 - Math.clz32(rank));
    entries[state] = symbol | (bitCount << 8) | (((rank << bitCount) - size) << 16);
  }
  return { accuracyLog, entries };
}

/** The table of a distribution with one symbol alone. */
export function singleSymbolTable(symbol: number): FseTable {
  return { accuracyLog: 0, entries: Int32Array.of(symbol) };
}

/**
 * Read a distribution, lowest bits first, and make its table.
 *
 * @param view the block, of which bytes after `end` may be read and mean nothing.
 * @throws Damage when it does not add up.
 */
export function readFseTable(
  view: DataView,
  start: number,
  end: number,
  limits: { readonly symbols: number; readonly accuracyLog: number },
): { readonly table: FseTable; readonly end: number } {
  let position = start * 8; // in bits
  const peek = (count: number): number => (view.getUint32(position >> 3, true) >>> (position & 7)) & ((1 << count) - 1);

  const accuracyLog = peek(4) + 5;
  position += 4;
  if (accuracyLog > limits.accuracyLog) throw new Damage('a table is too large');
  const shares: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0 && shares.length < limits.symbols && position < end * 8) {
    // Values up to `remaining` + 1; the lower ones of them in one bit less.
    const bitCount = 32 - Math.clz32(remaining + 1);
    const lowMask = (1 << (bitCount - 1)) - 1;
    const spare = (1 << bitCount) - 2 - remaining;
    let value = peek(bitCount);
    if ((value & lowMask) < spare) {
      value &= lowMask;
      position += bitCount - 1;
    } else {
      if (value > lowMask) value -= spare;
      position += bitCount;
    }
    const share = value - 1;
    remaining -= Math.abs(share);
    shares.push(share);
    if (share !== 0) continue;
    for (let repeats = 3; repeats === 3 && position < end * 8; ) {
      repeats = peek(2);
      position += 2;
      for (let count = 0; count < repeats; count++) shares.push(0);
    }
  }
  const tableEnd = (position + 7) >> 3;
  if (remaining !== 0 || shares.length > limits.symbols || tableEnd > end) throw new Damage('a table does not add up');
  return { table: buildFseTable(shares, accuracyLog), end: tableEnd };
}

/**
 * The bit after the last one of a stream that is read from its end: the highest set bit of its last byte is a mark.
 *
 * @throws Damage when there is none.
 */
export function backwardStart(view: DataView, start: number, end: number): number {
  const last = end > start ? view.getUint8(end - 1) : 0;
  if (last === 0) throw new Damage('a stream of bits has no end mark');
  return (end - 1) * 8 + 31 - Math.clz32(last);
}
