/**
 * The grammar of a NAR as a machine that is fed chunks: the one reader that all views of a NAR share.
 *
 * @module
 */
import { compareBytes } from '../bytes/bytes.ts';
import { readUint64 } from '../bytes/uint64.ts';
import type { NarEntry } from './entry.ts';
import { decodeFileName } from './file-name.ts';
import { isEntryName, isSymlinkTarget, maximumDepth, maximumTargetLength, paddingAfter } from './grammar.ts';
import { NarFormatError } from './nar-error.ts';
import { fixedTags, maximumLengths, state, words } from './parser-states.ts';

/** What a parser tells while it is fed. */
export interface NarHandler {
  /** An object begins: a directory before what is in it, a file before its contents. */
  onEntry?(entry: NarEntry): void;
  /** Bytes of the file that began last: a view of the chunk that was pushed. */
  onContents?(bytes: Uint8Array): void;
  /** An object is over: a file after its last byte, a directory after what is in it. */
  onEntryEnd?(): void;
}

/** A parser of one NAR. */
export interface NarParser {
  /**
   * Feed the next bytes.
   *
   * @returns how many of them belong to the NAR: fewer than there are only when the NAR is over.
   * @throws {@link NarFormatError}, again at each further call.
   */
  push(chunk: Uint8Array): number;
  /** Is the NAR over? */
  readonly done: boolean;
  /** Bytes of the NAR so far. */
  readonly offset: number;
  /** No more bytes come. @throws {@link NarFormatError} when the NAR is not over. */
  finish(): void;
}

/**
 * A parser that checks every byte of a NAR but those of file contents, in bounded memory.
 *
 * @example
 * ```ts
 * const parser = createNarParser({ onEntry: (entry) => console.log(entry.path) });
 * for await (const chunk of source) if (parser.push(chunk) < chunk.length) break;
 * parser.finish();
 * ```
 */
export function createNarParser(handler: NarHandler = {}): NarParser {
  return new Parser(handler);
}

/** A directory that is open, with the last name seen in it. */
interface OpenDirectory {
  readonly path: string;
  previousName: Uint8Array;
}

const noName = new Uint8Array(0);

class Parser implements NarParser {
  readonly #handler: NarHandler;
  #state: number = state.magic;
  /** The path of the node that is being read. */
  #path: string | undefined;
  readonly #directories: OpenDirectory[] = [];
  #executable = false;
  #contentsLeft = 0;
  #paddingLeft = 0;
  /** Offset of the chunk that is being read, and the position in it. */
  #chunkOffset = 0;
  #position = 0;
  /** The start of a string whose rest has not come yet. */
  readonly #partial = new Uint8Array(8 + maximumTargetLength + 1);
  #partialLength = 0;
  #failure: unknown;

  constructor(handler: NarHandler) {
    this.#handler = handler;
  }

  get done(): boolean {
    return this.#state === state.done;
  }

  get offset(): number {
    return this.#chunkOffset;
  }

  push(chunk: Uint8Array): number {
    if (this.#failure !== undefined) throw this.#failure;
    this.#position = 0;
    try {
      while (this.#position < chunk.length && this.#state !== state.done) {
        if (this.#contentsLeft > 0) this.#readContents(chunk);
        else if (this.#paddingLeft > 0) this.#readPadding(chunk);
        else this.#readString(chunk);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#chunkOffset += this.#position;
    return this.#position;
  }

  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.done) throw new NarFormatError('unexpected end-of-file', this.#chunkOffset, this.#path);
  }

  #readContents(chunk: Uint8Array): void {
    const end = Math.min(chunk.length, this.#position + this.#contentsLeft);
    this.#handler.onContents?.(chunk.subarray(this.#position, end));
    this.#contentsLeft -= end - this.#position;
    this.#position = end;
    if (this.#contentsLeft + this.#paddingLeft === 0) this.#state = state.nodeClose;
  }

  #readPadding(chunk: Uint8Array): void {
    for (; this.#paddingLeft > 0 && this.#position < chunk.length; this.#paddingLeft--, this.#position++)
      if (chunk[this.#position] !== 0) this.#fail('non-zero padding', this.#chunkOffset + this.#position);
    if (this.#paddingLeft === 0) this.#state = state.nodeClose;
  }

  /** Read the string that the state asks for, or keep what the chunk has of it. */
  #readString(chunk: Uint8Array): void {
    const start = this.#position;
    if (this.#partialLength === 0 && start + 8 <= chunk.length) {
      const offset = this.#chunkOffset + start;
      const length = this.#lengthAt(chunk, start, offset);
      const end = start + this.#neededFor(length);
      if (end <= chunk.length) {
        this.#position = end;
        this.#acceptString(chunk, start + 8, length, offset);
        return;
      }
    }
    this.#readPartial(chunk);
  }

  #readPartial(chunk: Uint8Array): void {
    const offset = this.#chunkOffset + this.#position - this.#partialLength;
    if (!this.#fillPartial(chunk, 8)) return;
    const length = this.#lengthAt(this.#partial, 0, offset);
    if (!this.#fillPartial(chunk, this.#neededFor(length))) return;
    this.#partialLength = 0;
    this.#acceptString(this.#partial, 8, length, offset);
  }

  /** Has the partial string this many bytes now? */
  #fillPartial(chunk: Uint8Array, needed: number): boolean {
    const missing = Math.max(0, needed - this.#partialLength);
    const piece = chunk.subarray(this.#position, this.#position + missing);
    this.#partial.set(piece, this.#partialLength);
    this.#partialLength += piece.length;
    this.#position += piece.length;
    return piece.length === missing;
  }

  #lengthAt(bytes: Uint8Array, start: number, offset: number): number {
    const short = shortLength(bytes, start);
    const length = short === undefined ? readUint64(bytes, start) : short;
    if (length !== undefined && length <= maximumLengths[this.#state]!) return length;
    if (this.#state === state.magic) this.#fail("input doesn't look like a Nix archive", offset);
    if (this.#state === state.contents) this.#fail('a file of more than 2^53 - 1 bytes', offset);
    this.#fail('string is too long', offset);
  }

  /** Bytes that must be there before the string can be taken: of contents, the length alone. */
  #neededFor(length: number): number {
    return this.#state === state.contents ? 8 : 8 + length + paddingAfter(length);
  }

  #acceptString(bytes: Uint8Array, start: number, length: number, offset: number): void {
    if (this.#state === state.contents) {
      this.#beginContents(length, offset);
      return;
    }
    const end = start + length;
    for (let index = end; index < end + paddingAfter(length); index++)
      if (bytes[index] !== 0) this.#fail('non-zero padding', offset + 8 + index - start);
    this.#accept(bytes, start, end, offset);
  }

  #beginContents(size: number, offset: number): void {
    this.#contentsLeft = size;
    this.#paddingLeft = paddingAfter(size);
    const path = this.#path!;
    this.#handler.onEntry?.({ type: 'regular', path, size, executable: this.#executable, narOffset: offset + 8 });
    if (size === 0) this.#state = state.nodeClose;
  }

  #accept(bytes: Uint8Array, start: number, end: number, offset: number): void {
    const fixed = fixedTags[this.#state];
    if (fixed !== undefined) {
      if (!matches(bytes, start, end, fixed.word)) this.#failTag(fixed.word, bytes.subarray(start, end), offset);
      this.#acceptFixed(fixed.next, offset);
      return;
    }
    switch (this.#state) {
      case state.magic:
        if (!matches(bytes, start, end, words.magic)) this.#fail("input doesn't look like a Nix archive", offset);
        this.#path = '';
        this.#state = state.nodeOpen;
        break;
      case state.type:
        this.#acceptType(bytes, start, end, offset);
        break;
      case state.executableOrContents:
        this.#executable = matches(bytes, start, end, words.executable);
        if (this.#executable) this.#state = state.executableValue;
        else if (matches(bytes, start, end, words.contents)) this.#state = state.contents;
        else this.#failTag(words.contents, bytes.subarray(start, end), offset);
        break;
      case state.target:
        this.#acceptTarget(bytes.subarray(start, end), offset);
        break;
      case state.entryOrClose:
        if (matches(bytes, start, end, words.entry)) this.#state = state.entryOpen;
        else if (matches(bytes, start, end, words.close)) this.#endDirectory();
        else this.#fail(`expected tag 'entry' or ')', got '${decodeFileName(bytes.subarray(start, end))}'`, offset);
        break;
      case state.name:
        this.#acceptName(bytes.subarray(start, end), offset);
        break;
    }
  }

  #acceptFixed(next: number, offset: number): void {
    this.#state = next;
    if (next === state.done) this.#endNode();
    else if (next === state.nodeOpen && this.#directories.length >= maximumDepth)
      this.#fail(`NAR directory nesting exceeds maximum depth of ${maximumDepth}`, offset);
  }

  #acceptType(bytes: Uint8Array, start: number, end: number, offset: number): void {
    if (matches(bytes, start, end, words.regular)) this.#state = state.executableOrContents;
    else if (matches(bytes, start, end, words.symlink)) this.#state = state.targetTag;
    else if (matches(bytes, start, end, words.directory)) {
      this.#handler.onEntry?.({ type: 'directory', path: this.#path! });
      this.#directories.push({ path: this.#path!, previousName: noName });
      this.#state = state.entryOrClose;
    } else this.#fail(`unknown file type '${decodeFileName(bytes.subarray(start, end))}'`, offset);
  }

  #acceptTarget(target: Uint8Array, offset: number): void {
    if (!isSymlinkTarget(target)) this.#fail('NAR contains invalid symlink target', offset);
    this.#handler.onEntry?.({ type: 'symlink', path: this.#path!, target: decodeFileName(target) });
    this.#state = state.nodeClose;
  }

  #acceptName(name: Uint8Array, offset: number): void {
    const directory = this.#directories.at(-1)!;
    if (!isEntryName(name)) this.#fail(`NAR contains invalid file name '${decodeFileName(name)}'`, offset);
    if (compareBytes(name, directory.previousName) <= 0)
      this.#fail(`NAR directory is not sorted: '${decodeFileName(name)}' comes too late`, offset);
    directory.previousName = name.slice();
    const text = decodeFileName(name);
    this.#path = directory.path === '' ? text : `${directory.path}/${text}`;
    this.#state = state.nodeTag;
  }

  #endDirectory(): void {
    this.#path = this.#directories.pop()!.path;
    this.#endNode();
  }

  /** A node is over: the NAR with it when it was the root, otherwise its entry is to be closed. */
  #endNode(): void {
    this.#handler.onEntryEnd?.();
    if (this.#directories.length === 0) {
      this.#state = state.done;
      return;
    }
    this.#path = this.#directories.at(-1)!.path;
    this.#state = state.entryClose;
  }

  #failTag(expected: Uint8Array, got: Uint8Array, offset: number): never {
    this.#fail(`expected tag '${decodeFileName(expected)}', got '${decodeFileName(got)}'`, offset);
  }

  #fail(problem: string, offset: number): never {
    throw new NarFormatError(problem, offset, this.#path);
  }
}

/** The length of a string shorter than 64 KiB, which all but contents are; `undefined` for a longer one. */
function shortLength(bytes: Uint8Array, at: number): number | undefined {
  for (let index = at + 2; index < at + 8; index++) if (bytes[index] !== 0) return undefined;
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function matches(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  if (end - start !== expected.length) return false;
  for (let index = 0; index < expected.length; index++) if (bytes[start + index] !== expected[index]) return false;
  return true;
}
