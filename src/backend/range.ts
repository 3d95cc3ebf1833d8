/**
 * Ranges of bytes: checked, cut to an object, and written as a header.
 *
 * @module
 */
import type { ByteRange } from './backend.ts';

/** @throws RangeError when offset or length is not a whole number of 0 or more. */
export function checkRange(range: ByteRange): ByteRange {
  for (const [name, value] of [
    ['offset', range.offset],
    ['length', range.length ?? 0],
  ] as const)
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`the ${name} of a range is ${value}, not a whole number of 0 or more`);
  return range;
}

/** Where the range lies in an object of `size` bytes: `start` inclusive, `end` exclusive, both within the object. */
export function cutRange(range: ByteRange | undefined, size: number): { readonly start: number; readonly end: number } {
  if (range === undefined) return { start: 0, end: size };
  const start = Math.min(range.offset, size);
  return { start, end: range.length === undefined ? size : Math.min(start + range.length, size) };
}

/** The value of a `Range` header (RFC 9110, 14.2), which has no way to say "no bytes": `length` must not be 0. */
export function formatRangeHeader(range: ByteRange): string {
  return `bytes=${range.offset}-${range.length === undefined ? '' : range.offset + range.length - 1}`;
}
