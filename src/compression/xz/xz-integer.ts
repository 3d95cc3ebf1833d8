/**
 * Integers of xz: seven bits a byte, lowest first.
 *
 * @module
 */
import { Damage } from '../damage.ts';

const longest = 9;

/** The bytes of an integer. */
export function encodeXzInteger(value: number): number[] {
  const bytes = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** The integer that begins at `start`, and where it ends. @throws Damage also for one that is cut off there. */
export function decodeXzInteger(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let unit = 1;
  for (let end = start; end < Math.min(bytes.length, start + longest); unit *= 0x80) {
    const byte = bytes[end++]!;
    value += (byte & 0x7f) * unit;
    if (byte >= 0x80) continue;
    if ((byte === 0 && unit > 1) || !Number.isSafeInteger(value)) break;
    return { value, end };
  }
  throw new Damage('an integer is none');
}
