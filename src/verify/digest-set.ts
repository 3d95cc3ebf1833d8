/**
 * A set of millions of digests in little memory.
 *
 * @module
 */

const wordsPerDigest = 5;
const fullest = 0.75;
const growth = 1.5;

/**
 * A set of digests of 20 bytes, such as the hash parts of store paths.
 *
 * It takes 27 to 40 bytes of memory for each (a `Set` of strings takes over 100), and as much again for a moment while it grows.
 */
export interface DigestSet extends Iterable<Uint8Array> {
  readonly size: number;
  /** Add the first 20 bytes of `digest`. */
  add(digest: Uint8Array): void;
  has(digest: Uint8Array): boolean;
}

/** An empty set. */
export function createDigestSet(): DigestSet {
  // Chosen anew each time: nobody can name files so that they all want the same slot.
  const seed = Math.floor(Math.random() * 2 ** 32);
  let capacity = 1024;
  let table = new Uint32Array(capacity * wordsPerDigest);
  let size = 0;
  let hasZero = false;

  /** Where these words are, or the empty slot where they would be. */
  function find(words: Uint32Array): number {
    let hash = seed;
    for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
    for (let slot = (hash >>> 0) % capacity; ; slot = slot + 1 === capacity ? 0 : slot + 1) {
      const at = slot * wordsPerDigest;
      if (isZero(table, at) || isEqual(table, at, words)) return at;
    }
  }

  function grow(): void {
    const old = table;
    capacity = Math.ceil(capacity * growth);
    table = new Uint32Array(capacity * wordsPerDigest);
    for (let at = 0; at < old.length; at += wordsPerDigest) {
      const words = old.subarray(at, at + wordsPerDigest);
      if (!isZero(words, 0)) table.set(words, find(words));
    }
  }

  return {
    get size() {
      return size;
    },
    add(digest) {
      const words = wordsOf(digest);
      const at = find(words);
      const isThere = isZero(words, 0) ? hasZero : !isZero(table, at);
      if (isThere) return;
      size++;
      if (isZero(words, 0)) hasZero = true;
      else table.set(words, at);
      if (size > capacity * fullest) grow();
    },
    has(digest) {
      const words = wordsOf(digest);
      return isZero(words, 0) ? hasZero : !isZero(table, find(words));
    },
    *[Symbol.iterator]() {
      if (hasZero) yield new Uint8Array(4 * wordsPerDigest);
      // What is added meanwhile may come or not; a table that grew meanwhile is not looked at.
      const current = table;
      for (let at = 0; at < current.length; at += wordsPerDigest)
        if (!isZero(current, at)) yield new Uint8Array(current.slice(at, at + wordsPerDigest).buffer);
    },
  };
}

function wordsOf(digest: Uint8Array): Uint32Array {
  if (digest.length < 4 * wordsPerDigest) throw new RangeError(`a digest of ${digest.length} bytes is too short`);
  // Not `slice`, which copies nothing where it is a Buffer.
  return new Uint32Array(new Uint8Array(digest.subarray(0, 4 * wordsPerDigest)).buffer);
}

function isZero(words: Uint32Array, at: number): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]! | words[at + 4]!) === 0;
}

function isEqual(table: Uint32Array, at: number, words: Uint32Array): boolean {
  for (let index = 0; index < wordsPerDigest; index++) if (table[at + index] !== words[index]) return false;
  return true;
}
