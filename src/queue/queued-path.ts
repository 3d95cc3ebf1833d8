/**
 * What lies in the queue, a path at a time: the records, and what the journal knows of their paths.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { isNarkitError } from '../errors.ts';
import type { StorePath } from '../store-path.ts';
import type { Journal, PathProgress, Progress } from './journal.ts';
import type { QueueRecord } from './record.ts';
import type { Spool } from './spool.ts';

/** How a path stands with a destination. */
export interface DestinationProgress {
  /** As {@link destinationName} calls it. */
  readonly uri: string;
  readonly progress: Progress;
  readonly attempts: number;
  /** When it is tried next, by the clock on the wall; absent when it is due. */
  readonly nextAttemptMs?: number | undefined;
  readonly lastError?: PathProgress['lastError'];
}

/** A path of a record. */
export interface QueuedPath {
  readonly path: StorePath;
  readonly record: QueueRecord;
  /** How it stands with each destination. */
  readonly destinations: readonly DestinationProgress[];
}

/** Is there a destination that it still has to get to? */
export function isWaiting({ destinations }: QueuedPath): boolean {
  return destinations.some(({ progress }) => progress === 'waiting');
}

/** Is there a destination that it was given up for? */
export function isParked({ destinations }: QueuedPath): boolean {
  return destinations.some(({ progress }) => progress === 'parked');
}

/** How a path of a record stands with a destination. */
export function findProgress(
  journal: Journal,
  { timeMs }: QueueRecord,
  path: StorePath,
  uri: string,
): DestinationProgress {
  const known = journal.get(path, uri);
  if (known === undefined || isOutlived(known, timeMs)) return { uri, progress: 'waiting', attempts: 0 };
  const { progress, attempts, nextAttemptMs, lastError } = known;
  return { uri, progress, attempts, nextAttemptMs, lastError };
}

/** What was settled before the path was queued again says nothing of it. */
function isOutlived({ progress, sinceMs }: PathProgress, queuedMs: number): boolean {
  return progress !== 'waiting' && progress !== 'parked' && sinceMs < queuedMs;
}

// Small files: reading many at the same time hides the wait for each.
const readAhead = 32;

/** The records with these ids, in their order. Those that are gone meanwhile, or damaged, are left out. */
export async function* readRecords(
  spool: Spool,
  ids: readonly string[],
  { signal }: AbortOptions = {},
): AsyncGenerator<QueueRecord> {
  for (let start = 0; start < ids.length; start += readAhead) {
    signal?.throwIfAborted();
    const records = await Promise.all(ids.slice(start, start + readAhead).map((id) => readUsable(spool, id)));
    for (const record of records) if (record !== undefined) yield record;
  }
}

async function readUsable(spool: Spool, id: string): Promise<QueueRecord | undefined> {
  try {
    return await spool.readRecord(id);
  } catch (error) {
    // Counted and said elsewhere: it lies in `damaged/` now.
    if (isNarkitError(error) && error.code === 'record-damaged') return undefined;
    throw error;
  }
}

/** Each path of each record, oldest first; a path of two records comes twice. */
export async function* readQueuedPaths(
  spool: Spool,
  journal: Journal,
  destinations: readonly string[],
  options: AbortOptions & { readonly ids?: readonly string[] } = {},
): AsyncGenerator<QueuedPath> {
  const ids = options.ids ?? (await spool.listRecordIds());
  for await (const record of readRecords(spool, ids, options))
    for (const path of record.paths)
      yield { path, record, destinations: destinations.map((uri) => findProgress(journal, record, path, uri)) };
}
