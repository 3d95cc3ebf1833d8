/**
 * Assembles a NAR into chunks.
 *
 * @module
 */
import { paddingAfter } from './grammar.ts';

/** Bytes of a chunk, where nothing else is asked for. */
export const defaultChunkSize: number = 256 * 1024;

/**
 * Gathers small pieces into chunks. What is written lies in `filled` as soon as a chunk is full; who writes takes it from there
 * after each piece, so that no more than the piece waits.
 */
export class NarOutput<Memory extends ArrayBufferLike = ArrayBuffer> {
  /** The chunk that is being filled; `used` bytes of it are. */
  chunk: Uint8Array<Memory>;
  used = 0;
  /** Full chunks that nobody has taken yet. */
  filled: Uint8Array<Memory | ArrayBuffer>[] = [];
  readonly #allocate: (offset: number) => Uint8Array<Memory>;
  #before = 0;

  /**
   * @param allocate gives memory for the chunk that begins at an offset of the NAR, zeroed or not: all of it is written before the
   *   chunk is full.
   */
  constructor(allocate: (offset: number) => Uint8Array<Memory>) {
    this.#allocate = allocate;
    this.chunk = allocate(0);
  }

  /** Bytes that the chunk has room for. */
  get chunkSize(): number {
    return this.chunk.length;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.#before + this.used;
  }

  write(bytes: Uint8Array): void {
    if (this.used + bytes.length < this.chunkSize) {
      this.chunk.set(bytes, this.used);
      this.used += bytes.length;
    } else this.#writeAcross(bytes);
  }

  #writeAcross(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.subarray(from, from + this.chunkSize - this.used);
      this.chunk.set(piece, this.used);
      from += piece.length;
      this.advance(piece.length);
    }
  }

  /** `length` bytes were put into the chunk from outside. */
  advance(length: number): void {
    this.used += length;
    if (this.used === this.chunkSize) this.#turn();
  }

  /** @param size a whole number from 0 to 2^53 - 1 */
  writeSize(size: number): void {
    for (let index = 0, rest = size; index < 8; index++, rest = Math.floor(rest / 256)) this.#writeByte(rest % 256);
  }

  /** What is in the chunk; it is empty then. @param skipped bytes that go behind it without passing through here. */
  cut(skipped: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.chunk.subarray(0, this.used));
    this.#before += this.used + skipped;
    this.used = 0;
    return bytes;
  }

  writePadding(length: number): void {
    for (let left = paddingAfter(length); left > 0; left--) this.#writeByte(0);
  }

  /** A string whose characters stand for one byte each. */
  writeByteString(text: string): void {
    this.writeSize(text.length);
    for (let index = 0; index < text.length; index++) this.#writeByte(text.charCodeAt(index));
    this.writePadding(text.length);
  }

  writeString(bytes: Uint8Array): void {
    this.writeSize(bytes.length);
    this.write(bytes);
    this.writePadding(bytes.length);
  }

  /** Full chunks, which now belong to the caller. */
  take(): Uint8Array<Memory | ArrayBuffer>[] {
    const taken = this.filled;
    this.filled = [];
    return taken;
  }

  /** The chunks that are left at the end, the last one cut to what is in it. */
  finish(): Uint8Array<Memory | ArrayBuffer>[] {
    if (this.used > 0) this.filled.push(this.chunk.slice(0, this.used));
    return this.take();
  }

  #writeByte(byte: number): void {
    this.chunk[this.used] = byte;
    this.advance(1);
  }

  #turn(): void {
    this.filled.push(this.chunk);
    this.#before += this.chunkSize;
    this.chunk = this.#allocate(this.#before);
    this.used = 0;
  }
}
