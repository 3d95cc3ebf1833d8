/**
 * The lines of `journal.jsonl`, each an object of JSON; later ones prevail.
 *
 * ```json
 * {"path":"…-hello","to":"s3://cache","progress":"waiting","attempts":2,"next":1700000000000,"error":{"code":"…","message":"…"},"since":1700000000000}
 * {"forget":"…-hello","to":"s3://cache"}
 * {"pause":true,"to":"s3://cache"}
 * ```
 *
 * Without `to`, all destinations are meant.
 *
 * @module
 */
import { parseStorePathBaseName, type StorePath } from '../store-path.ts';
import type { PathProgress, Progress } from './journal.ts';

/** What a line says. */
export type JournalLine =
  | { readonly type: 'progress'; readonly progress: PathProgress }
  | { readonly type: 'forget'; readonly path: StorePath; readonly destination?: string | undefined }
  | { readonly type: 'pause'; readonly paused: boolean; readonly destination?: string | undefined };

const progresses: readonly Progress[] = ['waiting', 'done', 'parked', 'dropped', 'gone'];

/** The line, with its end. */
export function formatJournalLine(line: JournalLine): string {
  return `${JSON.stringify(lineToJson(line))}\n`;
}

function lineToJson(line: JournalLine): object {
  switch (line.type) {
    case 'progress': {
      const { path, destination, progress, attempts, nextAttemptMs, lastError, sinceMs } = line.progress;
      return { path, to: destination, progress, attempts, next: nextAttemptMs, error: lastError, since: sinceMs };
    }
    case 'forget':
      return { forget: line.path, to: line.destination };
    case 'pause':
      return { pause: line.paused, to: line.destination };
  }
}

/** Parse a line; `undefined` when it is none: cut short by a crash, or of a newer narkit. */
export function parseJournalLine(text: string): JournalLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? lineFromJson(value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function lineFromJson(value: Readonly<Record<string, unknown>>): JournalLine | undefined {
  const { path, to, forget, pause, progress, attempts, next, error, since } = value;
  if (to !== undefined && typeof to !== 'string') return undefined;
  if (typeof pause === 'boolean') return { type: 'pause', paused: pause, destination: to };
  if (typeof forget === 'string') return { type: 'forget', path: parseStorePathBaseName(forget), destination: to };
  if (typeof path !== 'string' || to === undefined || !isCount(attempts) || !isCount(since)) return undefined;
  const known = progresses.find((name) => name === progress);
  if (known === undefined) return undefined;
  return {
    type: 'progress',
    progress: {
      path: parseStorePathBaseName(path),
      destination: to,
      progress: known,
      attempts,
      ...(isCount(next) && { nextAttemptMs: next }),
      ...(isError(error) && { lastError: { code: error.code, message: error.message } }),
      sinceMs: since,
    },
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

function isError(value: unknown): value is { code: string; message: string } {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  return typeof code === 'string' && typeof message === 'string';
}
