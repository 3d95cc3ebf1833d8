/**
 * Marks for a million store paths, in little memory.
 *
 * @module
 */
import { decodeNix32 } from '../hash/index.ts';

/** Bits of a mark: 1, 2, 4, … 64. */
type Mark = number;

/** A table of hash parts with marks: 21 to 84 bytes each, where a Map of texts takes 100 to 150. */
export interface HashPartTable {
  readonly size: number;
  /** One that is there already stays as it is. */
  add(hashPart: string): void;
  /** Does nothing for one that is not there. */
  mark(hashPart: string, mark: Mark): void;
  isMarked(hashPart: string, mark: Mark): boolean;
  /** Give `mark` to all that do not have `lacking`, and take `lacking` from the others. */
  markUnless(lacking: Mark, mark: Mark): void;
}

/** A hash part is 160 bits. */
const words = 5;
const occupied = 0x80;

/** An empty table. It is open addressed; the hash parts, being hashes, say themselves where they go. */
export function createHashPartTable(): HashPartTable {
  let capacity = 1024;
  let size = 0;
  let keys = new Uint32Array(capacity * words);
  let marks = new Uint8Array(capacity);

  /** The slot that has the key, or the empty one where it would go. */
  function findSlot(key: Uint32Array): number {
    for (let slot = key[0]! & (capacity - 1); ; slot = (slot + 1) & (capacity - 1))
      if (marks[slot] === 0 || key.every((word, index) => keys[slot * words + index] === word)) return slot;
  }

  function insert(key: Uint32Array, mark: number): void {
    const slot = findSlot(key);
    if (marks[slot] === 0) {
      keys.set(key, slot * words);
      size++;
    }
    marks[slot]! |= mark;
  }

  function grow(): void {
    const [oldKeys, oldMarks] = [keys, marks];
    capacity *= 2;
    keys = new Uint32Array(capacity * words);
    marks = new Uint8Array(capacity);
    size = 0;
    for (const [slot, mark] of oldMarks.entries())
      if (mark !== 0) insert(oldKeys.subarray(slot * words, (slot + 1) * words), mark);
  }

  return {
    get size() {
      return size;
    },
    add(hashPart) {
      if (size * 2 >= capacity) grow();
      insert(toKey(hashPart), occupied);
    },
    mark(hashPart, mark) {
      const slot = findSlot(toKey(hashPart));
      if (marks[slot] !== 0) marks[slot]! |= mark;
    },
    isMarked: (hashPart, mark) => (marks[findSlot(toKey(hashPart))]! & mark) !== 0,
    markUnless(lacking, mark) {
      for (let slot = 0; slot < capacity; slot++)
        if (marks[slot] !== 0)
          marks[slot] = (marks[slot]! & lacking) === 0 ? marks[slot]! | mark : marks[slot]! & ~lacking;
    },
  };
}

function toKey(hashPart: string): Uint32Array {
  const bytes = decodeNix32(hashPart);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * words));
}
