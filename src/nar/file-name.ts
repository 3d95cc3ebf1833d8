/**
 * File names and symlink targets as text, without loss.
 *
 * They are bytes, mostly UTF-8. Bytes that are not UTF-8 become lone surrogates, U+DC80 for the byte 0x80 up to U+DCFF for
 * 0xFF, so that every name has a text of its own and the bytes can be had back (Python does the same with its
 * `surrogateescape`). UTF-8 itself never decodes to a lone surrogate.
 *
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts';

const escapeBase = 0xdc00;
const loneSurrogate = /[\ud800-\udfff]/u;

/**
 * The text of a name.
 *
 * @example
 * ```ts
 * decodeFileName(new Uint8Array([0x61, 0xff])); // 'a\udcff'
 * ```
 */
export function decodeFileName(bytes: Uint8Array): string {
  let ascii = '';
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index]! >= 0x80) return decodeBeyondAscii(bytes);
    ascii += String.fromCharCode(bytes[index]!);
  }
  return ascii;
}

function decodeBeyondAscii(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    return decodeWithEscapes(bytes);
  }
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; ) {
    const length = sequenceLength(bytes, index);
    text +=
      length === 0
        ? String.fromCharCode(escapeBase + bytes[index]!)
        : decodeUtf8(bytes.subarray(index, index + length));
    index += length || 1;
  }
  return text;
}

/** Bytes of the UTF-8 sequence that begins at `index`; 0 where none does. */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  try {
    return decodeUtf8(bytes.subarray(index, index + length)).length > 0 ? length : 0;
  } catch {
    return 0;
  }
}

/**
 * The bytes of a name that {@link decodeFileName} gave, or of any text.
 *
 * @throws TypeError for a text with a lone surrogate that stands for no byte.
 */
export function encodeFileName(text: string): Uint8Array<ArrayBuffer> {
  if (!loneSurrogate.test(text)) return encodeUtf8(text);
  const bytes: number[] = [];
  for (const character of text) {
    const codePoint = character.codePointAt(0)!;
    if (codePoint < 0xd800 || codePoint > 0xdfff) bytes.push(...encodeUtf8(character));
    else if (codePoint >= 0xdc80 && codePoint <= 0xdcff) bytes.push(codePoint - escapeBase);
    else throw new TypeError(`a file name cannot hold the lone surrogate U+${codePoint.toString(16).toUpperCase()}`);
  }
  return Uint8Array.from(bytes);
}

/** Has the name bytes that are not UTF-8? Such a name cannot stand in JSON. */
export function isUtf8FileName(text: string): boolean {
  return !loneSurrogate.test(text);
}
