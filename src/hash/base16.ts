/**
 * base16: hexadecimal, written in lower case, read in either.
 *
 * @module
 */
import { EncodingError } from './encoding-error.ts';

const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The hexadecimal text of bytes, in lower case. */
export function encodeBase16(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += pairs[byte];
  return text;
}

/**
 * The bytes of a hexadecimal text in lower or upper case.
 *
 * @throws {@link EncodingError} on another character or an odd length.
 */
export function decodeBase16(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) throw new EncodingError('base16', `odd length ${text.length}`);
  const foreign = text.search(/[^0-9a-fA-F]/);
  if (foreign !== -1) throw new EncodingError('base16', `invalid character at offset ${foreign}`);
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}
