/**
 * nix32, Nix's own base 32: 5 bits a character, least significant last, without `e`, `o`, `t` and `u`.
 *
 * Rules: Nix `src/libutil/base-nix-32.cc` and the manual's page "Nix32 encoding".
 *
 * @module
 */
import { EncodingError } from './encoding-error.ts';

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';
const characterCodes = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const invalid = 0xff;
const digits = new Uint8Array(128).fill(invalid);
for (const [digit, code] of characterCodes.entries()) digits[code] = digit;

/** How many characters the nix32 of so many bytes has. */
export function nix32Length(byteCount: number): number {
  return Math.ceil((byteCount * 8) / 5);
}

/**
 * The nix32 text of bytes.
 *
 * @example
 * ```ts
 * encodeNix32(Uint8Array.of(0x1f)); // '0z'
 * ```
 */
export function encodeNix32(bytes: Uint8Array): string {
  let text = '';
  for (let position = nix32Length(bytes.length) - 1; position >= 0; position--) {
    const bit = position * 5;
    const index = bit >>> 3;
    const shift = bit & 7;
    const pair = bytes[index]! | ((bytes[index + 1] ?? 0) << 8);
    text += alphabet[(pair >>> shift) & 31];
  }
  return text;
}

/**
 * The bytes of a nix32 text. It is exact: what decodes is what {@link encodeNix32} writes.
 *
 * @throws {@link EncodingError} on a foreign character (upper case too), a length that no number of bytes has, or bits that
 * are set beyond the last byte.
 */
export function decodeNix32(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  if (nix32Length(bytes.length) !== text.length)
    throw new EncodingError('nix32', `no number of bytes has ${text.length} characters`);
  for (let position = 0; position < text.length; position++) {
    const offset = text.length - 1 - position;
    const digit = digits[text.charCodeAt(offset)] ?? invalid;
    if (digit === invalid) throw new EncodingError('nix32', `invalid character at offset ${offset}`);
    const bit = position * 5;
    const index = bit >>> 3;
    const shifted = digit << (bit & 7);
    bytes[index]! |= shifted;
    if (shifted <= 0xff) continue;
    if (index + 1 === bytes.length) throw new EncodingError('nix32', 'bits are set beyond the last byte');
    bytes[index + 1]! |= shifted >>> 8;
  }
  return bytes;
}
