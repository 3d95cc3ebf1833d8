/**
 * Reading the worker protocol's types: integers, strings and lists, with a ceiling on each length that the peer names.
 *
 * Source: Nix `src/libutil/serialise.cc`. Stricter than there in one thing: a truth value is 0 or 1.
 *
 * @module
 */
import { decodeUtf8, readUint64 } from '../../bytes/index.ts';
import { paddingAfter } from '../../nar/grammar.ts';
import { WireEndError, WireError } from './wire-error.ts';

/** Where bytes come from. */
export interface ChunkSource {
  /** The next bytes; `undefined` when no more come. */
  read(): Promise<Uint8Array | undefined>;
}

/** Bytes of a string, unless its reader says otherwise: a path, a name, a signature. */
export const maximumStringLength: number = 16 * 1024;
/** Bytes of a text for people. */
export const maximumTextLength: number = 1024 * 1024;
/** Items of a list that is held in memory. */
export const maximumListLength: number = 1_000_000;

const noBytes = new Uint8Array(0);
const lossyDecoder = new TextDecoder();

/** Reads values from chunks, wherever the borders between chunks are. */
export class WireReader {
  readonly #source: ChunkSource;
  #chunk: Uint8Array = noBytes;
  #position = 0;
  #received = 0;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#received - this.#available;
  }

  /** @throws {@link WireError} beyond 2^53 - 1. */
  async readUint64(): Promise<number> {
    const { offset } = this;
    const value = readUint64(this.#takeBuffered(8) ?? (await this.#gather(8)), 0);
    if (value === undefined) throw new WireError('a number beyond 2^53 - 1', offset);
    return value;
  }

  async readBoolean(): Promise<boolean> {
    const { offset } = this;
    const value = await this.readUint64();
    if (value > 1) throw new WireError(`expected 0 or 1, got ${value}`, offset);
    return value === 1;
  }

  /** @throws {@link WireError} when it is longer than `maximumLength`, or no UTF-8. */
  async readString(maximumLength: number = maximumStringLength): Promise<string> {
    const { offset } = this;
    const bytes = this.#takeBufferedString(maximumLength) ?? (await this.#gatherString(maximumLength));
    try {
      return decodeUtf8(bytes);
    } catch (error) {
      throw new WireError('a string that is not UTF-8', offset, { cause: error });
    }
  }

  /** A string for people: what is not UTF-8 in it is replaced. */
  async readText(): Promise<string> {
    return lossyDecoder.decode(
      this.#takeBufferedString(maximumTextLength) ?? (await this.#gatherString(maximumTextLength)),
    );
  }

  /** How many items follow. */
  async readCount(maximumCount: number = maximumListLength): Promise<number> {
    const { offset } = this;
    const count = await this.readUint64();
    if (count > maximumCount) throw new WireError(`a list of ${count} items, more than ${maximumCount}`, offset);
    return count;
  }

  async readList<T>(readItem: (reader: this) => Promise<T>): Promise<T[]> {
    const items: T[] = [];
    for (let left = await this.readCount(); left > 0; left--) items.push(await readItem(this));
    return items;
  }

  async readMap<T>(readValue: (reader: this) => Promise<T>): Promise<Map<string, T>> {
    return new Map(await this.readList(async () => [await this.readString(), await readValue(this)] as const));
  }

  /** The next bytes as they come, whatever they are; `undefined` when no more come. They are the caller's. */
  async takeChunk(): Promise<Uint8Array | undefined> {
    if (this.#available === 0 && !(await this.#fill())) return undefined;
    const chunk = this.#chunk.subarray(this.#position);
    this.#chunk = noBytes;
    this.#position = 0;
    return chunk;
  }

  get #available(): number {
    return this.#chunk.length - this.#position;
  }

  /** The next bytes when all of them are here: a view, good until the next call. */
  #takeBuffered(length: number): Uint8Array | undefined {
    if (this.#available < length) return undefined;
    this.#position += length;
    return this.#chunk.subarray(this.#position - length, this.#position);
  }

  async #gather(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#available === 0 && !(await this.#fill())) throw new WireEndError(this.offset);
      const piece = this.#chunk.subarray(this.#position, this.#position + length - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      this.#position += piece.length;
    }
    return bytes;
  }

  async #fill(): Promise<boolean> {
    const chunk = await this.#source.read();
    if (chunk === undefined) return false;
    this.#chunk = chunk;
    this.#position = 0;
    this.#received += chunk.length;
    return chunk.length > 0 || this.#fill();
  }

  /** The next string when all of it is here. */
  #takeBufferedString(maximumLength: number): Uint8Array | undefined {
    if (this.#available < 8) return undefined;
    const length = checkLength(readUint64(this.#chunk, this.#position), maximumLength, this.offset);
    const padded = 8 + length + paddingAfter(length);
    const bytes = this.#takeBuffered(padded);
    if (bytes !== undefined) checkPadding(bytes, 8 + length, this.offset - padded);
    return bytes?.subarray(8, 8 + length);
  }

  async #gatherString(maximumLength: number): Promise<Uint8Array> {
    const { offset } = this;
    const length = checkLength(readUint64(await this.#gather(8), 0), maximumLength, offset);
    const bytes = await this.#gather(length + paddingAfter(length));
    checkPadding(bytes, length, offset + 8);
    return bytes.subarray(0, length);
  }
}

function checkLength(length: number | undefined, maximumLength: number, offset: number): number {
  if (length !== undefined && length <= maximumLength) return length;
  throw new WireError(`a string of ${length ?? 'more than 2^53 - 1'} bytes, more than ${maximumLength}`, offset);
}

function checkPadding(bytes: Uint8Array, start: number, offset: number): void {
  for (let index = start; index < bytes.length; index++)
    if (bytes[index] !== 0) throw new WireError('non-zero padding', offset + index);
}
