/**
 * What a command has around it: streams, the signal of Ctrl-C, a place for words to a person.
 *
 * @module
 */
import { styleText } from 'node:util';
import { NarkitError } from '../errors.ts';
import type { OpenStoreOptions } from '../store/open-store.ts';

/** The exit codes of all commands. */
export const exitCode = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** What a command has around it. */
export interface Context {
  readonly stdin: NodeJS.ReadStream;
  /** Data for other programs. */
  readonly stdout: NodeJS.WriteStream;
  /** Words for a person. */
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** What the process will exit with; a command sets it when something failed that did not end it. */
  exitCode: number;
}

/** Wrong use of a command, found after its arguments were parsed. */
export class UsageError extends NarkitError {
  constructor(message: string) {
    super('usage', message);
  }
}

/** Who read our standard output has read enough (`narkit … | head`): a reason to stop, and no failure. */
export class ReaderGoneError extends NarkitError {
  constructor(options: ErrorOptions) {
    super('reader-gone', 'nobody reads standard output any more', options);
  }
}

/** A line that begins with `warning:`. */
export function warn(context: Context, message: string): void {
  context.stderr.write(`${styleText('yellow', 'warning:', { stream: context.stderr })} ${message}\n`);
}

/** A line that begins with `error:`. */
export function printError(context: Context, message: string): void {
  context.stderr.write(`${styleText('red', 'error:', { stream: context.stderr })} ${message}\n`);
}

/**
 * Write data, and wait until it is gone.
 *
 * @throws {@link ReaderGoneError} when there is no reader any more; {@link NarkitError} `standard-output` when it cannot be written (a full disk).
 */
export function writeOut(context: Context, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    context.stdout.write(data, (cause: NodeJS.ErrnoException | null | undefined) => {
      if (!cause) resolve();
      else if (cause.code === 'EPIPE') reject(new ReaderGoneError({ cause }));
      else reject(new NarkitError('standard-output', `cannot write to standard output: ${cause.message}`, { cause }));
    });
  });
}

/** How a command opens its stores. */
export function storeOptions(context: Context): OpenStoreOptions {
  return { env: context.env, signal: context.signal, onWarning: (message) => warn(context, message) };
}
