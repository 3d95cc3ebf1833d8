/**
 * Large files are read in Node's thread pool while this thread hashes what was read before.
 *
 * @module
 */
import type { Hash } from 'node:crypto';
import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { checkRead, type OpenFile, unreadable } from './walk.ts';

/** Bytes that are read at a time: each read is a trip to the thread pool. Files that are smaller do not pay it. */
export const pieceSize: number = 2 * 1024 * 1024;
/** Pieces that are there at most: the one that is hashed, and two that are being read. */
const maximumPieces = 3;
/** What was read lies in another core's cache. It comes from there faster by a copy than into the hash. */
const blockSize = 256 * 1024;

/** Bytes of the NAR that are there or are being read. */
interface Piece {
  readonly bytes: Promise<Uint8Array>;
  /** To be used again. */
  readonly memory: Uint8Array<ArrayBuffer> | undefined;
}

/** Hashes files in turn. Close it, whatever happens. */
export class ReadAhead {
  readonly #hash: Hash;
  readonly #block = new Uint8Array(blockSize);
  readonly #pieces: Piece[] = [];
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #memoryCount = 0;
  readonly #closing = new Set<Promise<void>>();

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  /** Hash `before` and the contents of a file, which is closed then. What was added before goes first. */
  async add(before: Uint8Array, file: OpenFile, signal: AbortSignal | undefined): Promise<void> {
    const reads: Promise<Uint8Array>[] = [];
    try {
      this.#pieces.push({ bytes: Promise.resolve(before), memory: undefined });
      for (let offset = 0; offset < file.size; offset += pieceSize) {
        const memory = await this.#memory();
        signal?.throwIfAborted();
        const bytes = readPiece(file, memory, offset);
        bytes.catch(() => undefined); // thrown when its turn comes
        reads.push(bytes);
        this.#pieces.push({ bytes, memory });
      }
    } finally {
      const closing = Promise.allSettled(reads)
        .then(() => promisify(close)(file.descriptor))
        .catch(() => undefined) // nothing was written
        .finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    }
  }

  /** Hash all that was added. */
  async finish(): Promise<void> {
    while (this.#pieces.length > 0) await this.#hashFirst();
  }

  /** Wait for what is being read. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#closing);
  }

  async #memory(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#free.length === 0 && this.#memoryCount < maximumPieces) {
      this.#memoryCount++;
      return new Uint8Array(Buffer.allocUnsafeSlow(pieceSize + 1).buffer);
    }
    while (this.#free.length === 0) await this.#hashFirst();
    return this.#free.pop()!;
  }

  async #hashFirst(): Promise<void> {
    const { bytes: reading, memory } = this.#pieces.shift()!;
    const bytes = await reading;
    for (let offset = 0; offset < bytes.length; offset += blockSize) {
      const block = bytes.subarray(offset, offset + blockSize);
      this.#block.set(block);
      this.#hash.update(block.length === blockSize ? this.#block : this.#block.subarray(0, block.length));
    }
    if (memory !== undefined) this.#free.push(memory);
  }
}

/** The piece of a file at an offset. The last read asks for a byte more than should come: a file that grew is seen. */
async function readPiece(file: OpenFile, memory: Uint8Array<ArrayBuffer>, offset: number): Promise<Uint8Array> {
  const left = file.size - offset;
  const wanted = Math.min(left, pieceSize);
  const asked = left <= pieceSize ? wanted + 1 : wanted;
  for (let length = 0; length < wanted; ) {
    const bytesRead = await readSome(file, memory.subarray(length, asked), offset + length);
    checkRead(file, bytesRead, left - length);
    length += bytesRead;
  }
  return memory.subarray(0, wanted);
}

function readSome({ descriptor, place }: OpenFile, memory: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(descriptor, memory, 0, memory.length, position, (error, bytesRead) => {
      if (error) reject(unreadable(place, 'reading', error));
      else resolve(bytesRead);
    }),
  );
}
