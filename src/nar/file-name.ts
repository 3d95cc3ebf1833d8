/**
 * File names and symlink targets as text, without loss.
 *
 * They are bytes, mostly UTF-8. Bytes that are not UTF-8 become lone surrogates, U+DC80 for the byte 0x80 up to U+DCFF for
 * 0xFF, so that every name has a text of its own and the bytes can be had back (Python does the same with its
 * `surrogateescape`). UTF-8 itself never decodes to a lone surrogate.
 *
 * @module
 */
import { encodeUtf8 } from '../bytes/bytes.ts';

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
  let text = '';
  for (let index = 0; index < bytes.length; ) {
    const length = sequenceLength(bytes, index);
    text +=
      length === 0
        ? String.fromCharCode(escapeBase + bytes[index]!)
        : String.fromCodePoint(codePointAt(bytes, index, length));
    index += length || 1;
  }
  return text;
}

/** Bytes of the UTF-8 sequence that begins at `index`, 0 where none does (The Unicode Standard, table 3-7). */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index]!;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[index + 1] ?? 0;
  if (second < lowest || second > highest) return 0;
  for (let next = index + 2; next < index + length; next++) if ((bytes[next] ?? 0) >> 6 !== 0b10) return 0;
  return length;
}

function codePointAt(bytes: Uint8Array, index: number, length: number): number {
  if (length === 1) return bytes[index]!;
  let codePoint = bytes[index]! & (0x7f >> length);
  for (let next = index + 1; next < index + length; next++) codePoint = (codePoint << 6) | (bytes[next]! & 0x3f);
  return codePoint;
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
