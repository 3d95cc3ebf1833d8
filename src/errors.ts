/**
 * The base of every error that narkit throws on purpose.
 *
 * Caller misuse (a wrong type, a number out of range) is a TypeError or RangeError; what a file, a peer or a user's input
 * did wrong is a NarkitError with a `code` that does not change between releases, and data fields that name the place.
 *
 * @module
 */

/** Base class: `code` is stable, `cause` is kept, the message says what, where and what to do. */
export class NarkitError extends Error {
  /** A stable, machine-readable name of what went wrong, for example `nar-format`. */
  readonly code: string;
  /** Marks the class across copies of the library, where `instanceof` fails. */
  readonly narkitError: true = true;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Is this an error that narkit threw on purpose? Works across copies of the library. */
export function isNarkitError(value: unknown): value is NarkitError {
  return value instanceof Error && typeof (value as { code?: unknown }).code === 'string' && 'narkitError' in value;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Anything that was thrown, as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error), { cause: error });
}
