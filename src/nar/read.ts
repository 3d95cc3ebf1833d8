/**
 * Two views of a NAR that streams in: its entries, pulled one by one, and the bytes as they are, checked on the way.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { NarDirectoryEntry, NarEntry, NarRegularEntry, NarSymlinkEntry } from './entry.ts';
import { NarFormatError } from './nar-error.ts';
import { createNarParser, type NarHandler, type NarParser } from './parser.ts';

/** A regular file as it is read. What is not taken of the contents when the next entry is asked for is skipped. */
export interface NarRegularReadEntry extends NarRegularEntry {
  /** Can be read once, and only until the next entry is asked for. */
  readonly contents: AsyncIterable<Uint8Array>;
}

/** An entry as it is read. */
export type NarReadEntry = NarRegularReadEntry | NarDirectoryEntry | NarSymlinkEntry;

/** A larger chunk is parsed in pieces of this size, so that what waits in the queue stays bounded. */
const pieceSize = 64 * 1024;

/**
 * The entries of a NAR, each directory before what is in it.
 *
 * Who takes all of them without an error has seen a well-formed NAR and the end of the source: bytes after the NAR are refused.
 *
 * @throws {@link NarFormatError}
 * @example
 * ```ts
 * for await (const entry of readNar(source)) {
 *   console.log(entry.type, entry.path);
 *   if (entry.type === 'regular') for await (const bytes of entry.contents) digest.update(bytes);
 * }
 * ```
 */
export async function* readNar(
  source: AsyncIterable<Uint8Array>,
  options: AbortOptions = {},
): AsyncGenerator<NarReadEntry, void, undefined> {
  const events = new NarEvents(source, options.signal);
  try {
    for (let event = await events.next(); event !== undefined; event = await events.next()) {
      if (event instanceof Uint8Array) continue;
      yield event.type === 'regular' ? { ...event, contents: events.contents() } : event;
      events.invalidateContents();
    }
  } finally {
    await events.close();
  }
}

/** Entries and pieces of contents, in their order. */
class NarEvents {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #parser: NarParser;
  #events: (NarEntry | Uint8Array)[] = [];
  #taken = 0;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;
  /** Counts the entries given out, so that contents know when their time is over. */
  #generation = 0;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#signal = signal;
    const add = (event: NarEntry | Uint8Array): void => {
      this.#events.push(event);
    };
    this.#parser = createNarParser({ onEntry: add, onContents: add });
  }

  async next(): Promise<NarEntry | Uint8Array | undefined> {
    while (this.#taken === this.#events.length) {
      this.#events = [];
      this.#taken = 0;
      if (!(await this.#feed())) return undefined;
    }
    return this.#events[this.#taken++];
  }

  /** Parse another piece; `false` at the end of a complete NAR. */
  async #feed(): Promise<boolean> {
    this.#signal?.throwIfAborted();
    while (this.#chunk.length === 0) {
      const result = await this.#chunks.next();
      this.#signal?.throwIfAborted();
      if (result.done === true) {
        this.#ended = true;
        this.#parser.finish();
        return false;
      }
      this.#chunk = result.value;
    }
    const piece = this.#chunk.subarray(0, pieceSize);
    this.#chunk = this.#chunk.subarray(piece.length);
    pushAll(this.#parser, piece);
    return true;
  }

  /** The pieces of the entry that was given out last. */
  contents(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#contentsOf(this.#generation);
  }

  async *#contentsOf(generation: number): AsyncGenerator<Uint8Array, void, undefined> {
    while (generation === this.#generation) {
      const event = await this.next();
      if (event instanceof Uint8Array) yield event;
      else {
        if (event !== undefined) this.#taken--;
        return;
      }
    }
    throw new TypeError('the contents of a NAR entry can be read only until the next entry is asked for');
  }

  invalidateContents(): void {
    this.#generation++;
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#chunks.return?.();
  }
}

/**
 * The chunks of a NAR as they come, each checked before it is handed on; `handler` hears of the entries.
 *
 * @throws {@link NarFormatError} in place of the chunk that breaks the format, for a source that ends too early, and for one that goes
 * on after the NAR.
 * @example
 * ```ts
 * const listing = createNarListingBuilder();
 * for await (const chunk of observeNar(source, listing)) await write(chunk);
 * ```
 */
export async function* observeNar<Chunk extends Uint8Array>(
  source: AsyncIterable<Chunk>,
  handler: NarHandler,
): AsyncGenerator<Chunk, void, undefined> {
  const parser = createNarParser(handler);
  for await (const chunk of source) {
    pushAll(parser, chunk);
    yield chunk;
  }
  parser.finish();
}

function pushAll(parser: NarParser, chunk: Uint8Array): void {
  if (parser.push(chunk) < chunk.length)
    throw new NarFormatError('other data follows the end of the archive', parser.offset);
}
