/**
 * Assembles a NAR into chunks of one size.
 *
 * @module
 */
import { writeUint64 } from '../bytes/uint64.ts';
import { paddingAfter } from './grammar.ts';

/** Bytes of a chunk, where nothing else is asked for. */
export const defaultChunkSize: number = 256 * 1024;

/**
 * Gathers small pieces into chunks. What is written lies in `filled` as soon as a chunk is full; who writes takes it from there
 * after each piece, so that no more than the piece waits.
 */
export class NarOutput {
  readonly chunkSize: number;
  /** The chunk that is being filled; `used` bytes of it are. */
  chunk: Uint8Array<ArrayBuffer>;
  used = 0;
  /** Full chunks that nobody has taken yet. */
  filled: Uint8Array<ArrayBuffer>[] = [];
  #before = 0;

  constructor(chunkSize: number = defaultChunkSize) {
    this.chunkSize = chunkSize;
    this.chunk = new Uint8Array(chunkSize);
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

  writeSize(size: number): void {
    const bytes = new Uint8Array(8);
    writeUint64(bytes, 0, size);
    this.write(bytes);
  }

  writePadding(length: number): void {
    const padding = paddingAfter(length);
    if (padding > 0) this.write(zeros.subarray(0, padding));
  }

  /** A string whose characters stand for one byte each. */
  writeByteString(text: string): void {
    this.writeSize(text.length);
    for (let index = 0; index < text.length; index++) {
      this.chunk[this.used] = text.charCodeAt(index);
      this.advance(1);
    }
    this.writePadding(text.length);
  }

  writeString(bytes: Uint8Array): void {
    this.writeSize(bytes.length);
    this.write(bytes);
    this.writePadding(bytes.length);
  }

  /** Full chunks, which now belong to the caller. */
  take(): Uint8Array<ArrayBuffer>[] {
    const taken = this.filled;
    this.filled = [];
    return taken;
  }

  /** All that was written, full chunk or not: what comes next begins a chunk. */
  flush(): Uint8Array<ArrayBuffer>[] {
    if (this.used > 0) this.filled.push(this.chunk.slice(0, this.used));
    this.#before += this.used;
    this.used = 0;
    return this.take();
  }

  /** `length` bytes go to the reader past this object. */
  skip(length: number): void {
    this.#before += length;
  }

  #turn(): void {
    this.filled.push(this.chunk);
    this.#before += this.chunkSize;
    this.chunk = new Uint8Array(this.chunkSize);
    this.used = 0;
  }
}

const zeros = new Uint8Array(8);
