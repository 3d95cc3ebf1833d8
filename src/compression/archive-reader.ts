/**
 * The bytes of an archive in the sizes that its format asks for.
 *
 * @module
 */
import { concatBytes } from '../bytes/bytes.ts';
import { CompressionError } from './compression-error.ts';

/** Reads an archive from its start. What it gives out are views of the source's chunks where possible. */
export class ArchiveReader {
  readonly #compression: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  /** How many bytes were read. */
  offset = 0;

  /** `compression` names the format in errors. */
  constructor(compression: string, source: AsyncIterable<Uint8Array>) {
    this.#compression = compression;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Is there nothing more? */
  async atEnd(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return true;
      this.#chunk = next.value;
    }
    return false;
  }

  /**
   * What there is at hand: at least one byte, at most `length`.
   *
   * @throws CompressionError `compression-corrupt` at the end of the archive.
   */
  async upTo(length: number): Promise<Uint8Array> {
    if (await this.atEnd()) throw this.corrupt('it is cut short');
    const bytes = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(bytes.length);
    this.offset += bytes.length;
    return bytes;
  }

  /**
   * The next `length` bytes; the caller sees to it that this is a small number.
   *
   * @throws CompressionError `compression-corrupt` when there are fewer.
   */
  async exactly(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; missing -= parts.at(-1)!.length) parts.push(await this.upTo(missing));
    return parts.length === 1 ? parts[0]! : concatBytes(parts);
  }

  /** Let go of the source. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** The error for an archive that is not as it should be, here. */
  corrupt(reason: string, options?: ErrorOptions): CompressionError {
    return new CompressionError(
      'compression-corrupt',
      this.#compression,
      `the ${this.#compression} archive is damaged: ${reason}, at byte ${this.offset}`,
      options,
    );
  }
}
