/**
 * What `narkit copy` says: a line of JSON for each path, errors and a summary for a person.
 *
 * @module
 */
import type { CopyEvent, CopyOutcome, CopyResult } from '../copy/outcome.ts';
import { messageOf } from '../errors.ts';
import { formatHash } from '../hash/hash.ts';
import { formatStorePath } from '../store-path.ts';
import { type Context, printError, ReaderGoneError, warn, writeOut } from './context.ts';
import { formatBytes } from './format-bytes.ts';
import { createProgressLine } from './progress-line.ts';

/** What to say. */
export interface CopyOutputOptions {
  readonly storeDir: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Follows a copy. */
export interface CopyOutput {
  onEvent(event: CopyEvent): void;
  /** Take the progress line away, and wait until standard output has everything. */
  end(): Promise<void>;
}

/** Words on the context's stderr, data on its stdout. */
export function createCopyOutput(context: Context, options: CopyOutputOptions): CopyOutput {
  const { storeDir, json, quiet, verbose } = options;
  const progress = createProgressLine(context, quiet);
  const repeated = new Map<string, number>();
  let written = Promise.resolve();

  function printOutcome(outcome: CopyOutcome): void {
    const path = formatStorePath(outcome.path, storeDir);
    if (outcome.error !== undefined) printFailure(path, messageOf(outcome.error));
    else if (verbose && !quiet) context.stderr.write(`${outcome.outcome} '${path}'${formatSizes(outcome)}\n`);
  }

  /** A disk that is full fails a thousand paths with the same words: a person needs them once. */
  function printFailure(path: string, message: string): void {
    const count = repeated.get(message);
    repeated.set(message, (count ?? 0) + 1);
    if (count === undefined)
      printError(context, message.includes(path) ? message : `cannot copy '${path}': ${message}`);
  }

  return {
    onEvent(event) {
      progress.onEvent(event);
      if (event.type === 'warning')
        progress.above(() => warn(context, `${formatStorePath(event.path, storeDir)}: ${event.message}`));
      if (event.type !== 'outcome') return;
      progress.above(() => printOutcome(event.outcome));
      if (!json) return;
      written = written.then(() => writeOut(context, `${formatOutcome(event.outcome, storeDir)}\n`));
      // What went wrong is thrown by `end`; the copy goes on.
      written.catch(() => {});
    },
    async end() {
      progress.end();
      for (const [message, count] of repeated)
        if (count > 1) printError(context, `${count - 1} more for the same reason: ${message}`);
      await written.catch((error: unknown) => {
        // Who reads no further still wants the copy.
        if (!(error instanceof ReaderGoneError)) throw error;
      });
    },
  };
}

/** The names and forms of `nix path-info --json` where it has the field. */
function formatOutcome(outcome: CopyOutcome, storeDir: string): string {
  const { narHash, fileHash, error } = outcome;
  return JSON.stringify({
    path: formatStorePath(outcome.path, storeDir),
    outcome: outcome.outcome,
    narHash: narHash && formatHash(narHash, 'sri'),
    narSize: outcome.narSize,
    url: outcome.url,
    fileHash: fileHash && formatHash(fileHash, 'sri'),
    fileSize: outcome.fileSize,
    error: error && messageOf(error),
  });
}

function formatSizes({ narSize, fileSize }: CopyOutcome): string {
  const sizes = [narSize, fileSize].flatMap((bytes) => (bytes === undefined ? [] : formatBytes(bytes)));
  return sizes.length > 0 ? ` (${sizes.join(' → ')})` : '';
}

/** The last line. */
export function formatSummary(result: CopyResult, uri: string): string {
  const counts = [
    `${result.copied} copied${result.copied > 0 ? ` (${formatBytes(result.narBytes)})` : ''}`,
    `${result.present} present`,
    ...(result.skipped > 0 ? [`${result.skipped} skipped`] : []),
    ...(result.failed > 0 ? [`${result.failed} failed`] : []),
  ];
  return `${uri}: ${counts.join(', ')}`;
}
