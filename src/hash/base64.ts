/**
 * base64 as Nix writes it (padded) and as Nix reads it (lax).
 *
 * Rules: Nix `src/libutil/base-n.cc`.
 *
 * @module
 */
import { EncodingError } from './encoding-error.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const invalid = 0xff;
const digits = new Uint8Array(128).fill(invalid);
for (let digit = 0; digit < alphabet.length; digit++) digits[alphabet.charCodeAt(digit)] = digit;

/** How many characters the padded base64 of so many bytes has. */
export function base64Length(byteCount: number): number {
  return Math.ceil(byteCount / 3) * 4;
}

/** The base64 text of bytes, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const group = (bytes[index]! << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    text += alphabet[group >>> 18]! + alphabet[(group >>> 12) & 63]!;
    text += left > 1 ? alphabet[(group >>> 6) & 63] : '=';
    text += left > 2 ? alphabet[group & 63] : '=';
  }
  return text;
}

/**
 * The bytes of a base64 text, read as laxly as Nix does: newlines are skipped, the text ends at the first `=` (what
 * follows is not looked at), padding may be missing, and bits beyond the last byte are dropped.
 *
 * @throws {@link EncodingError} on a character that is neither of the alphabet nor a newline.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const end = text.indexOf('=');
  const length = end === -1 ? text.length : end;
  const bytes = new Uint8Array(Math.floor((length * 6) / 8));
  let count = 0;
  let bits = 0;
  let bitCount = 0;
  for (let offset = 0; offset < length; offset++) {
    const code = text.charCodeAt(offset);
    if (code === 0x0a) continue;
    const digit = digits[code] ?? invalid;
    if (digit === invalid) throw new EncodingError('base64', `invalid character at offset ${offset}`);
    bits = ((bits << 6) | digit) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[count++] = bits >>> bitCount;
  }
  return bytes.slice(0, count);
}
