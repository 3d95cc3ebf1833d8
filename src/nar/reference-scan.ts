/**
 * Finding the references of a store path by looking for hash parts in its NAR, as Nix does (`src/libstore/references.cc`).
 *
 * @module
 */

/** Characters of the hash part of a store path. */
const hashPartLength = 32;

/** For each byte, its value as a nix32 digit, or 255. */
const digitOf: Uint8Array = new Uint8Array(256).fill(255);
for (const [value, character] of [...'0123456789abcdfghijklmnpqrsvwxyz'].entries())
  digitOf[character.charCodeAt(0)] = value;

/** Looks for hash parts in bytes that go by. */
export interface ReferenceScanner {
  /** The next bytes of the NAR. */
  push(chunk: Uint8Array): void;
  /** The candidates seen so far. */
  found(): Set<string>;
}

/**
 * A scanner for these hash parts, which may lie across the borders of chunks.
 *
 * @param candidates hash parts of the paths that may be referred to, 32 nix32 characters each.
 * @throws TypeError for a candidate that is no hash part.
 * @example
 * ```ts
 * const scanner = createReferenceScanner(['n5wkd9frr45pa74if5gpz9j7mifg27fh']);
 * for await (const chunk of nar) scanner.push(chunk);
 * scanner.found();
 * ```
 */
export function createReferenceScanner(candidates: Iterable<string>): ReferenceScanner {
  const left = new Set(candidates);
  const found = new Set<string>();
  const prefixes = new Uint8Array(1 << 17);
  for (const candidate of left) {
    checkHashPart(candidate);
    const prefix = prefixOf((index) => digitOf[candidate.charCodeAt(index)]!);
    prefixes[prefix >> 3]! |= 1 << (prefix & 7);
  }

  function search(bytes: Uint8Array): void {
    /** All bytes from `start` up to here are known to be digits. */
    let digitsEnd = 0;
    for (let start = 0; start + hashPartLength <= bytes.length; ) {
      let index = start + hashPartLength - 1;
      const knownEnd = digitsEnd;
      while (index >= knownEnd && digitOf[bytes[index]!]! !== 255) index--;
      digitsEnd = start + hashPartLength;
      if (index >= knownEnd) {
        start = index + 1;
        continue;
      }
      const prefix = prefixOf((offset) => digitOf[bytes[start + offset]!]!);
      if ((prefixes[prefix >> 3]! >> (prefix & 7)) & 1) take(bytes, start);
      start++;
    }
  }

  function take(bytes: Uint8Array, start: number): void {
    const hashPart = String.fromCharCode(...bytes.subarray(start, start + hashPartLength));
    if (left.delete(hashPart)) found.add(hashPart);
  }

  /** The last bytes seen, one fewer than a hash part has. */
  let tail = new Uint8Array(0);
  return {
    push(chunk) {
      if (left.size === 0 || chunk.length === 0) return;
      const overlap = hashPartLength - 1;
      const border = join(tail, chunk.subarray(0, overlap));
      search(border);
      search(chunk);
      tail = (chunk.length >= overlap ? chunk : border).slice(-overlap);
    },
    found: () => new Set(found),
  };
}

/** The first four digits as one number of 20 bits. */
function prefixOf(digit: (index: number) => number): number {
  return (digit(0) << 15) | (digit(1) << 10) | (digit(2) << 5) | digit(3);
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}

function checkHashPart(candidate: string): void {
  if (/^[0-9abcdfghijklmnpqrsvwxyz]{32}$/.test(candidate)) return;
  throw new TypeError(`'${candidate}' is not the hash part of a store path`);
}
