/**
 * Finding the references of a store path by looking for hash parts in its NAR, as Nix does (`src/libstore/references.cc`).
 *
 * @module
 */
import { encodeUtf8 } from '../bytes/bytes.ts';

/** Characters of the hash part of a store path. */
const hashPartLength = 32;

/** Bits of the first four digits, by which candidates are looked up. */
const prefixBits = 20;

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
  return createIndexedScanner(indexHashParts(candidates));
}

/** Hash parts by their first four digits, for any number of scanners: with thousands of candidates, most of a scanner's cost. */
export interface HashPartIndex {
  readonly byPrefix: ReadonlyMap<number, readonly string[]>;
  /** A bit for each prefix that there is. */
  readonly prefixes: Uint8Array;
}

/** @throws TypeError for what is no hash part. */
export function indexHashParts(hashParts: Iterable<string>): HashPartIndex {
  const byPrefix = new Map<number, string[]>();
  const prefixes = new Uint8Array(1 << (prefixBits - 3));
  for (const hashPart of new Set(hashParts)) {
    const prefix = prefixOf(encodeHashPart(hashPart), 0);
    prefixes[prefix >> 3]! |= 1 << (prefix & 7);
    const alike = byPrefix.get(prefix);
    if (alike === undefined) byPrefix.set(prefix, [hashPart]);
    else alike.push(hashPart);
  }
  return { byPrefix, prefixes };
}

/** A scanner as {@link createReferenceScanner} makes it. */
export function createIndexedScanner({ byPrefix, prefixes }: HashPartIndex): ReferenceScanner {
  const found = new Set<string>();

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
      const prefix = prefixOf(bytes, start);
      if ((prefixes[prefix >> 3]! >> (prefix & 7)) & 1) compare(bytes, start, byPrefix.get(prefix)!);
      start++;
    }
  }

  function compare(bytes: Uint8Array, start: number, alike: readonly string[]): void {
    for (const candidate of alike) if (!found.has(candidate) && isAt(bytes, start, candidate)) found.add(candidate);
  }

  /** The last bytes seen, one fewer than a hash part has. */
  let tail = new Uint8Array(0);
  return {
    push(chunk) {
      if (chunk.length === 0) return;
      const overlap = hashPartLength - 1;
      const border = join(tail, chunk.subarray(0, overlap));
      search(border);
      search(chunk);
      tail = (chunk.length >= overlap ? chunk : border).slice(-overlap);
    },
    found: () => new Set(found),
  };
}

/** The first four digits as one number. */
function prefixOf(bytes: Uint8Array, start: number): number {
  return (
    (digitOf[bytes[start]!]! << 15) |
    (digitOf[bytes[start + 1]!]! << 10) |
    (digitOf[bytes[start + 2]!]! << 5) |
    digitOf[bytes[start + 3]!]!
  );
}

function isAt(bytes: Uint8Array, start: number, hashPart: string): boolean {
  for (let index = 0; index < hashPartLength; index++)
    if (bytes[start + index] !== hashPart.charCodeAt(index)) return false;
  return true;
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}

function encodeHashPart(candidate: string): Uint8Array {
  if (/^[0-9abcdfghijklmnpqrsvwxyz]{32}$/.test(candidate)) return encodeUtf8(candidate);
  throw new TypeError(`'${candidate}' is not the hash part of a store path`);
}
