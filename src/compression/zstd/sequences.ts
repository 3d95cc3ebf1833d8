/**
 * Zstd's sequences: how many literals to copy, then from where how long a match.
 *
 * @see RFC 8878, section 3.1.1.3.2
 * @module
 */
import { Damage } from '../damage.ts';
import { backwardStart, buildFseTable, type FseTable, readFseTable, singleSymbolTable } from './fse.ts';
import type { History } from './history.ts';

/** One of the three numbers that a sequence is made of: a table gives a code, and the code a base and a count of bits. */
interface NumberKind {
  readonly symbols: number;
  readonly accuracyLog: number;
  readonly predefined: FseTable;
}

/** What sequences know of those before them in the frame. */
export interface SequenceState {
  literalLengths: FseTable | undefined;
  matchLengths: FseTable | undefined;
  offsets: FseTable | undefined;
  readonly repeatedOffsets: [number, number, number];
}

/** As it is when a frame begins. */
export function newSequenceState(): SequenceState {
  return { literalLengths: undefined, matchLengths: undefined, offsets: undefined, repeatedOffsets: [1, 4, 8] };
}

const literalLengthBits = Uint8Array.of(
  ...new Array<number>(16).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const matchLengthBits = Uint8Array.of(
  ...new Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const literalLengthBases = basesOf(literalLengthBits, 0);
const matchLengthBases = basesOf(matchLengthBits, 3);

const literalLengthKind: NumberKind = {
  symbols: 36,
  accuracyLog: 9,
  predefined: buildFseTable([4, 3, ...twos(11), 1, 1, 1, ...twos(9), 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
};
const matchLengthKind: NumberKind = {
  symbols: 53,
  accuracyLog: 9,
  predefined: buildFseTable(
    [1, 4, 3, ...twos(6), ...new Array<number>(37).fill(1), ...new Array<number>(7).fill(-1)],
    6,
  ),
};
const offsetKind: NumberKind = {
  symbols: 32,
  accuracyLog: 8,
  predefined: buildFseTable([1, 1, 1, 1, 1, 1, 2, 2, 2, ...new Array<number>(15).fill(1), -1, -1, -1, -1, -1], 5),
};

function twos(count: number): number[] {
  return new Array<number>(count).fill(2);
}

function basesOf(bits: Uint8Array, first: number): Uint32Array {
  const bases = new Uint32Array(bits.length);
  let base = first;
  for (let code = 0; code < bits.length; code++) {
    bases[code] = base;
    base += 1 << bits[code]!;
  }
  return bases;
}

/**
 * Decode a block's sequences into `history`, which has room for a block.
 *
 * @param view the block, with at least 16 bytes before `start` and after `end`.
 * @throws Damage when they are damaged, or make more than a block.
 */
export function decodeSequences(
  view: DataView,
  start: number,
  end: number,
  literals: Uint8Array,
  state: SequenceState,
  history: History,
): void {
  const header = readHeader(view, start, end, state);
  const limit = history.end + history.blockLimit;
  const literalsLeft = header === undefined ? literals : decodeMatches(view, end, literals, header, history, limit);
  if (history.end + literalsLeft.length > limit) throw new Damage('a block is too large');
  history.append(literalsLeft);
}

/** The loop that most time is spent in. Returns the literals after the last match. */
function decodeMatches(
  view: DataView,
  end: number,
  literals: Uint8Array,
  { count, literalLengths, offsets, matchLengths, bitsStart, repeatedOffsets }: SequencesHeader,
  history: History,
  limit: number,
): Uint8Array {
  const first = bitsStart * 8;
  // Bits are read backwards from here. Whether that was too many is asked once a sequence: a block's padding bears it.
  let position = backwardStart(view, bitsStart, end);
  const literalEntries = literalLengths.entries;
  const offsetEntries = offsets.entries;
  const matchEntries = matchLengths.entries;
  position -= literalLengths.accuracyLog;
  let literalState = bitsAt(view, position, literalLengths.accuracyLog);
  position -= offsets.accuracyLog;
  let offsetState = bitsAt(view, position, offsets.accuracyLog);
  position -= matchLengths.accuracyLog;
  let matchState = bitsAt(view, position, matchLengths.accuracyLog);
  let literal = 0;
  for (let index = 1; position >= first; index++) {
    const literalEntry = literalEntries[literalState]!;
    const matchEntry = matchEntries[matchState]!;
    const offsetEntry = offsetEntries[offsetState]!;

    const offsetCode = offsetEntry & 0xff;
    if (offsetCode > longestOffset) throw new Damage('a match reaches too far back');
    let offsetValue = 1 << offsetCode;
    const highBits = offsetCode > 16 ? offsetCode - 16 : 0;
    position -= highBits;
    offsetValue += bitsAt(view, position, highBits) << 16;
    position -= offsetCode - highBits;
    offsetValue += bitsAt(view, position, offsetCode - highBits);

    const matchBits = matchLengthBits[matchEntry & 0xff]!;
    position -= matchBits;
    const matchLength = matchLengthBases[matchEntry & 0xff]! + bitsAt(view, position, matchBits);
    const literalBits = literalLengthBits[literalEntry & 0xff]!;
    position -= literalBits;
    const literalLength = literalLengthBases[literalEntry & 0xff]! + bitsAt(view, position, literalBits);
    if (position < first) break;

    if (literal + literalLength > literals.length) throw new Damage('a block has too few literals');
    if (history.end + literalLength + matchLength > limit) throw new Damage('a block is too large');
    history.appendPart(literals, literal, literalLength);
    literal += literalLength;
    history.copyMatch(offsetOf(offsetValue, literalLength, repeatedOffsets), matchLength);
    if (index === count) {
      if (position !== first) throw new Damage('sequences do not end where their codes do');
      return literals.subarray(literal);
    }
    position -= (literalEntry >> 8) & 0xff;
    literalState = (literalEntry >> 16) + bitsAt(view, position, (literalEntry >> 8) & 0xff);
    position -= (matchEntry >> 8) & 0xff;
    matchState = (matchEntry >> 16) + bitsAt(view, position, (matchEntry >> 8) & 0xff);
    position -= (offsetEntry >> 8) & 0xff;
    offsetState = (offsetEntry >> 16) + bitsAt(view, position, (offsetEntry >> 8) & 0xff);
  }
  throw new Damage('sequences are cut short');
}

/** At most 25 bits from a position on. */
function bitsAt(view: DataView, position: number, count: number): number {
  return (view.getUint32(position >> 3, true) >>> (position & 7)) & ((1 << count) - 1);
}

/** Bits of the offsets that a window of 128 MiB allows. */
const longestOffset = 27;

/** Values from 4 on are offsets; 1 to 3 name one of the last three, or one that is 1 less. */
function offsetOf(value: number, literalLength: number, repeated: [number, number, number]): number {
  if (value > 3) {
    repeated[2] = repeated[1];
    repeated[1] = repeated[0];
    repeated[0] = value - 3;
    return repeated[0];
  }
  const index = literalLength === 0 ? value : value - 1;
  if (index === 0) return repeated[0];
  const offset = index === 3 ? repeated[0] - 1 : repeated[index as 1 | 2];
  if (index > 1) repeated[2] = repeated[1];
  repeated[1] = repeated[0];
  repeated[0] = offset;
  return offset;
}

interface SequencesHeader {
  readonly count: number;
  readonly literalLengths: FseTable;
  readonly offsets: FseTable;
  readonly matchLengths: FseTable;
  readonly bitsStart: number;
  readonly repeatedOffsets: [number, number, number];
}

/** The tables, and where the bits begin; `undefined` when there are no sequences. */
function readHeader(view: DataView, start: number, end: number, state: SequenceState): SequencesHeader | undefined {
  let position = start;
  const readByte = (): number => {
    if (position >= end) throw new Damage('sequences are missing');
    return view.getUint8(position++);
  };
  let count = readByte();
  if (count === 255) count = readByte() + readByte() * 256 + 0x7f00;
  else if (count > 127) count = (count - 128) * 256 + readByte();
  if (count === 0) {
    if (position !== end) throw new Damage('bytes follow the last sequence');
    return undefined;
  }
  const modes = readByte();
  if ((modes & 3) !== 0) throw new Damage('a reserved bit of the sequences is set');

  const readTable = (mode: number, kind: NumberKind, previous: FseTable | undefined): FseTable => {
    if (mode === 0) return kind.predefined;
    if (mode === 1) {
      const symbol = readByte();
      if (symbol >= kind.symbols) throw new Damage('a table has a symbol that it cannot have');
      return singleSymbolTable(symbol);
    }
    if (mode === 2) {
      const { table, end: tableEnd } = readFseTable(view, position, end, kind);
      position = tableEnd;
      return table;
    }
    if (previous === undefined) throw new Damage('a table is missing');
    return previous;
  };
  state.literalLengths = readTable(modes >> 6, literalLengthKind, state.literalLengths);
  state.offsets = readTable((modes >> 4) & 3, offsetKind, state.offsets);
  state.matchLengths = readTable((modes >> 2) & 3, matchLengthKind, state.matchLengths);
  const { literalLengths, offsets, matchLengths, repeatedOffsets } = state;
  return { count, literalLengths, offsets, matchLengths, bitsStart: position, repeatedOffsets };
}
