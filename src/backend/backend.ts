/**
 * Where the files of a binary cache lie: bytes under keys.
 *
 * A key is a relative path of one or more parts joined by `/`, such as `nar/1w1f….nar.zst` or `nix-cache-info`.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { NarkitError } from '../errors.ts';

/** A part of an object: `length` bytes from `offset` on, or all from there. */
export interface ByteRange {
  readonly offset: number;
  readonly length?: number | undefined;
}

/**
 * Bytes that can be read again, for as often as an upload must be tried, and in parts.
 *
 * `open()` reads from the start each time; a `range` lets parts go up side by side.
 */
export interface Content {
  /** Bytes in all. */
  readonly size: number;
  open(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** An object as a backend gives it. The body must be read to its end or left by `return()` (a `for await` does both). */
export interface BackendObject {
  readonly key: string;
  /** Bytes of the whole object, not of the range, when the backend says so; `undefined` for a stream of unknown length. */
  readonly size: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a listing says of an object. */
export interface BackendEntry {
  readonly key: string;
  readonly size: number;
}

/** How an object is put. */
export interface PutOptions extends AbortOptions {
  /** The media type, such as `text/x-nix-narinfo`. */
  readonly contentType?: string | undefined;
  /** The body's `Content-Encoding`, when what is put was compressed for transport. */
  readonly contentEncoding?: string | undefined;
}

/**
 * An object whose key is known only when its last byte is written (a NAR is named by its hash).
 *
 * Nothing of it is visible before `commit`; `abort` leaves nothing behind, and does nothing after `commit`.
 */
export interface StagedObject {
  write(chunk: Uint8Array): Promise<void>;
  commit(key: string, options?: PutOptions): Promise<void>;
  abort(): Promise<void>;
}

/**
 * Bytes under keys.
 *
 * Absence is `undefined`; everything else that keeps an answer from being given throws a {@link BackendError}. What is put is
 * visible in whole or not at all, and durable when `put` returns.
 */
export interface Backend {
  /** The URI as a person would write it, without secrets; used in messages. */
  readonly uri: string;
  /** The object, or `undefined` when there is none. */
  get(
    key: string,
    options?: AbortOptions & { readonly range?: ByteRange | undefined },
  ): Promise<BackendObject | undefined>;
  /** What is known of the object without its bytes, or `undefined` when there is none. */
  head(key: string, options?: AbortOptions): Promise<{ readonly size: number | undefined } | undefined>;
  put(key: string, content: Uint8Array | Content, options?: PutOptions): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(key: string, options?: AbortOptions): Promise<void>;
  /** Objects whose key begins with `prefix`, in no promised order. A backend that cannot list leaves it out. */
  list?(prefix: string, options?: AbortOptions): AsyncIterable<BackendEntry>;
  /** Where the backend can take bytes before it knows the key (a file beside its destination), it says so here. */
  stage?(options?: AbortOptions): Promise<StagedObject>;
  /** Let go of connections and handles. */
  close?(): Promise<void>;
}

/** What a backend could not do, with the key and where. */
export class BackendError extends NarkitError {
  /** The backend's URI. */
  readonly uri: string;
  /** The key, where one was at stake. */
  readonly key: string | undefined;
  /** May the same call go through later? */
  readonly retryable: boolean;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;

  constructor(
    code: string,
    message: string,
    options: ErrorOptions & {
      readonly uri: string;
      readonly key?: string | undefined;
      readonly retryable?: boolean;
      readonly status?: number | undefined;
    },
  ) {
    super(code, message, options);
    this.uri = options.uri;
    this.key = options.key;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
  }
}

/**
 * Refuse keys that could name something outside of the backend.
 *
 * @throws TypeError for an empty key, an absolute one, one with an empty, `.` or `..` part, or a NUL.
 */
export function checkKey(key: string): string {
  if (key !== '' && !key.includes('\0') && key.split('/').every((part) => part !== '' && part !== '.' && part !== '..'))
    return key;
  throw new TypeError(`'${key}' is not a key: a key is a relative path without empty, '.' or '..' parts`);
}
