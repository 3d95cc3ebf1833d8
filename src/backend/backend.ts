/**
 * Where the files of a binary cache lie: bytes under keys.
 *
 * A key is a relative path of one or more parts joined by `/`, such as `nar/1w1f….nar.zst` or `nix-cache-info`.
 *
 * The rules below are held by the conformance suite (`narkit/backend/conformance`), which every backend passes; the guide
 * `docs/backend.md` writes a backend with it.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { NarkitError } from '../errors.ts';

/**
 * A part of an object: `length` bytes from `offset` on, or all from there.
 *
 * What reaches beyond the end of the object is cut there: a range that begins at the end or beyond is empty, and no error.
 */
export interface ByteRange {
  readonly offset: number;
  readonly length?: number | undefined;
}

/**
 * Bytes that can be read again, for as often as an upload must be tried, and in parts.
 *
 * `open()` reads from the start each time; a `range`, always within the content, lets parts go up side by side. Its chunks
 * belong to the backend.
 */
export interface Content {
  /** Bytes in all. More or fewer out of `open` make `put` fail with the code `content-size`. */
  readonly size: number;
  /** Read all of it, or a part. */
  open(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** An object as a backend gives it. */
export interface BackendObject {
  readonly key: string;
  /** Bytes of the whole object, not of the range, when the backend says so; `undefined` for a stream of unknown length. */
  readonly size: number | undefined;
  /**
   * The `Content-Encoding` that the body still has, for the reader to undo; `undefined` when it has none, when the transport
   * undid it (as `fetch` does with gzip and br), and when the backend does not keep it.
   */
  readonly contentEncoding?: string | undefined;
  /**
   * The bytes, read once, with no more than a chunk or two in memory. Who does not want them to the end calls `return()` (a
   * `for await` does); who never begins to read owes nothing. Aborting the signal that `get` was given ends it.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a listing says of an object. */
export interface BackendEntry {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** How an object is put. */
export interface PutOptions extends AbortOptions {
  /** The media type, such as `text/x-nix-narinfo`. */
  readonly contentType?: string | undefined;
  /**
   * The body's `Content-Encoding`, when what is put was compressed for transport. A backend that has no place to keep it
   * refuses it with a TypeError.
   */
  readonly contentEncoding?: string | undefined;
}

/**
 * An object whose key is known only when its last byte is written (a NAR is named by its hash).
 *
 * Nothing of it is visible before `commit`; `abort` leaves nothing behind, and does nothing after `commit`. After an error of
 * `write` or `commit` only `abort` is left to call. Writes and the commit are awaited one after the other.
 */
export interface StagedObject {
  /** Append a chunk, which the caller leaves alone from here on. */
  write(chunk: Uint8Array): Promise<void>;
  /** Make all that was written the object of this key, in the place of the one that is there, if any. */
  commit(key: string, options?: PutOptions): Promise<void>;
  /** Let go of what was written. */
  abort(): Promise<void>;
}

/**
 * Bytes under keys.
 *
 * - Absence is `undefined`; everything else that keeps an answer from being given throws a {@link BackendError}.
 * - What is put is visible in whole or not at all, and durable when `put` returns: a `put` that fails leaves what was there.
 * - What the content's own stream throws comes out of `put` as it was thrown.
 * - An aborted call rejects with the signal's `reason`, also when the signal was aborted before.
 * - A key that {@link checkKey} refuses is a TypeError of every method, at the call or as its rejection.
 * - Calls may run side by side; of two that put the same key, one wins in whole.
 */
export interface Backend {
  /** The URI as a person would write it, without secrets; used in messages. */
  readonly uri: string;
  /**
   * The object, or `undefined` when there is none.
   *
   * @throws RangeError for a range whose offset or length is not a whole number of 0 or more.
   */
  get(
    key: string,
    options?: AbortOptions & { readonly range?: ByteRange | undefined },
  ): Promise<BackendObject | undefined>;
  /**
   * Where objects have URLs: the object at one, relative to the backend's own. The `URL` of a narinfo may have a query, and may
   * lead elsewhere. A backend without URLs leaves it out, and what a narinfo names is a key.
   */
  getByUrl?(
    reference: string,
    options?: AbortOptions & { readonly range?: ByteRange | undefined },
  ): Promise<BackendObject | undefined>;
  /** What is known of the object without its bytes, or `undefined` when there is none. */
  head(key: string, options?: AbortOptions): Promise<{ readonly size: number | undefined } | undefined>;
  /** Put the object in the place of the one that is there, if any. The caller leaves the bytes alone until it returns. */
  put(key: string, content: Uint8Array | Content, options?: PutOptions): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(key: string, options?: AbortOptions): Promise<void>;
  /**
   * Objects whose key begins with `prefix` (a text, not whole parts; all for the empty one), each once, in no promised
   * order. A backend that cannot list leaves it out.
   */
  list?(prefix: string, options?: AbortOptions): AsyncIterable<BackendEntry>;
  /**
   * Where the backend can take bytes before it knows the key (a file beside its destination), it says so here. The signal
   * ends the writes too.
   */
  stage?(options?: AbortOptions): Promise<StagedObject>;
  /** Let go of connections and handles. */
  close?(): Promise<void>;
}

/**
 * What kept a backend from giving an answer.
 *
 * | code | what happened |
 * |---|---|
 * | `backend-denied` | no permission, or credentials that are missing or wrong |
 * | `backend-full` | no space left, or a quota reached |
 * | `backend-read-only` | the place takes no writing |
 * | `backend-unreachable` | no connection, no answer in time, or one that broke off |
 * | `backend-response` | an answer that does not hold together: wrong length, endless redirects |
 * | `backend-refused` | an answer that says no, for another reason |
 * | `backend-io` | the file system failed for another reason |
 * | `content-size` | the content had more or fewer bytes than it said |
 * | `object-too-large` | an object has more bytes than its reader takes |
 */
export type BackendErrorCode =
  | 'backend-denied'
  | 'backend-full'
  | 'backend-read-only'
  | 'backend-unreachable'
  | 'backend-response'
  | 'backend-refused'
  | 'backend-io'
  | 'content-size'
  | 'object-too-large';

/** What a backend could not do, with the key and where; see {@link BackendErrorCode} for the codes. */
export class BackendError extends NarkitError {
  /** The backend's URI. */
  readonly uri: string;
  /** The key, where one was at stake. */
  readonly key: string | undefined;
  /** May the same call go through later? */
  readonly retryable: boolean;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;
  /** How long the other side asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: BackendErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly uri: string;
      readonly key?: string | undefined;
      readonly retryable?: boolean;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
    },
  ) {
    super(code, message, options);
    this.uri = options.uri;
    this.key = options.key;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Refuse keys that could name something outside of the backend, or that have no one form on every backend.
 *
 * @throws TypeError for an empty key, an absolute one, one with an empty, `.` or `..` part, a control character, or half of
 *   a surrogate pair.
 */
export function checkKey(key: string): string {
  if (isKey(key)) return key;
  throw new TypeError(
    `${JSON.stringify(key)} is not a key: a key is a relative path without empty, '.' or '..' parts and control characters`,
  );
}

/** Would {@link checkKey} take it? */
export function isKey(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text) && text.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
