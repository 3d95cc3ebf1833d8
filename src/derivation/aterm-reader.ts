/**
 * The tokens of ATerm: punctuation, strings with escapes, lists.
 *
 * @module
 */
import { decodeUtf8 } from '../bytes/bytes.ts';
import { DerivationError } from './derivation.ts';

const quote = 0x22;
const backslash = 0x5c;
const escapes: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a], // n
  [0x72, 0x0d], // r
  [0x74, 0x09], // t
]);

/** Reads tokens from bytes, and knows where it is. */
export class AtermReader {
  /** The byte that comes next. */
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #where: string;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#where = where;
  }

  /** End with an error. */
  fail(reason: string, offset: number = this.offset, cause?: unknown): never {
    throw new DerivationError(this.#where, reason, offset, cause === undefined ? undefined : { cause });
  }

  /** Take this punctuation if it is next. */
  skip(ascii: string): boolean {
    for (let index = 0; index < ascii.length; index++)
      if (this.#bytes[this.offset + index] !== ascii.charCodeAt(index)) return false;
    this.offset += ascii.length;
    return true;
  }

  /** Take this punctuation, which must be next. */
  expect(ascii: string): void {
    if (!this.skip(ascii)) this.fail(`expected '${ascii}'`);
  }

  /** Nothing may follow. */
  end(): void {
    if (this.offset !== this.#bytes.length) this.fail('something follows the derivation');
  }

  /** Take a list in brackets; `item` takes one item. */
  list(item: () => void): void {
    this.expect('[');
    if (this.skip(']')) return;
    do item();
    while (this.skip(','));
    this.expect(']');
  }

  /** Take a string, in memory of its own. */
  string(): Uint8Array<ArrayBuffer> {
    this.expect('"');
    const bytes = this.#bytes;
    const start = this.offset;
    let end = start;
    let escaped = false;
    for (; bytes[end] !== quote; end++) {
      if (bytes[end] === backslash) {
        escaped = true;
        end++;
      }
      if (end >= bytes.length) this.fail('unterminated string', start - 1);
    }
    this.offset = end + 1;
    // A copy, and no Buffer where a Buffer was given.
    const raw = new Uint8Array(bytes.subarray(start, end));
    return escaped ? removeEscapes(raw) : raw;
  }

  /** Take a string that must be UTF-8. */
  text(): string {
    const start = this.offset;
    const bytes = this.string();
    try {
      return decodeUtf8(bytes);
    } catch (error) {
      return this.fail('a name that is not UTF-8', start, error);
    }
  }
}

/** In place: what is unescaped is never longer. */
function removeEscapes(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    let byte = bytes[index]!;
    if (byte === backslash) {
      byte = bytes[++index]!;
      byte = escapes.get(byte) ?? byte;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
