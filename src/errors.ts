/**
 * The base of every error that narkit throws on purpose.
 *
 * Caller misuse (a wrong type, a number out of range) is a TypeError or RangeError; what a file, a peer or a user's input
 * did wrong is a NarkitError with a `code` that does not change between releases, and data fields that name the place.
 *
 * @module
 */

const longestMessage = 4_000;

/**
 * Base class: `code` is stable, `cause` is kept, the message says what, where and what to do. Messages quote what peers wrote:
 * control characters come out as U+FFFD, so that none reaches a terminal, and a long message is cut.
 */
export class NarkitError extends Error {
  /** A stable, machine-readable name of what went wrong, for example `nar-format`. */
  readonly code: string;
  /** Marks the class across copies of the library, where `instanceof` fails. */
  readonly narkitError: true = true;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.code = code;
    this.name = new.target.name;
  }
}

function printable(message: string): string {
  const text = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd');
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
