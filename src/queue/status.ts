/**
 * How the queue does, in numbers.
 *
 * @module
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NarkitConfig } from '../config/index.ts';
import { systemCodeOf } from '../file-system/file-system-error.ts';
import type { StorePath } from '../store-path.ts';
import { destinationName } from './destination-name.ts';
import { type Journal, openJournal, type PathProgress } from './journal.ts';
import { findLockHolder } from './lock.ts';
import { isParked, isWaiting, readQueuedPaths } from './queued-path.ts';
import { parseRecordId } from './record.ts';
import type { Spool } from './spool.ts';
import type { DestinationState } from './worker/worker-event.ts';
import { type WorkerStatus, workerStatusFile } from './worker/worker-status.ts';

/** How the queue does. Numbers are of paths, each once, however many destinations it goes to. */
export interface QueueStatus {
  /** Paths that a destination still waits for, without those that are on their way. */
  readonly waiting: number;
  /** Paths that are on their way. */
  readonly active: number;
  /** Paths that were given up for a destination, until somebody asks for another try. */
  readonly parked: number;
  /** Records that could not be read, and were put aside. */
  readonly damaged: number;
  /** The age of the oldest record of which something waits; `undefined` when nothing waits. */
  readonly oldestSeconds: number | undefined;
  /** Did somebody pause the whole queue? */
  readonly paused: boolean;
  readonly worker: {
    readonly running: boolean;
    /** Its process, where it is known. */
    readonly pid?: number | undefined;
  };
  readonly destinations: readonly DestinationStatus[];
}

/** How the queue does with a destination. */
export interface DestinationStatus {
  /** As {@link destinationName} calls it. */
  readonly uri: string;
  /** As the worker last saw it; `ready` where none runs, unless somebody paused it. */
  readonly state: DestinationState;
  /** Paths that wait for it, and are on their way to it. */
  readonly waiting: number;
  readonly parked: number;
  readonly lastError?: string | undefined;
}

/**
 * The records that are read; of younger ones the name alone tells how many paths they have. Thus the answer comes within a second, however
 * much waits, and is exact where little does: past this, a path that was queued twice counts twice.
 */
const readableRecords = 500;

/**
 * How the queue does, with a worker or without. It takes no lock.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises';
 * import { parseNarkitConfig } from 'narkit/config';
 * import { openSpool, readQueueStatus } from 'narkit/queue';
 *
 * const directory = await mkdtemp('/tmp/queue-');
 * const config = parseNarkitConfig(`to = "file:///mnt/cache"\n[queue]\ndirectory = "${directory}"`, 'config.toml');
 * const { waiting, worker } = await readQueueStatus(await openSpool(directory), config);
 * if (waiting !== 0 || worker.running) throw new Error('unexpected');
 * ```
 */
export async function readQueueStatus(spool: Spool, config: NarkitConfig): Promise<QueueStatus> {
  const names = config.to.map(destinationName);
  const journal = await openJournal(spool.directory, { readOnly: true });
  try {
    const [{ total, perDestination, parked, oldestMs }, damaged, holder] = await Promise.all([
      countPaths(spool, journal, names),
      countDamaged(spool.directory),
      findLockHolder(spool.directory),
    ]);
    const seen = holder && (await readWorkerStatus(spool.directory));
    const active = Math.min(seen?.active ?? 0, total);
    return {
      waiting: total - active,
      active,
      parked,
      damaged,
      oldestSeconds: oldestMs === undefined ? undefined : Math.max(0, Math.round((Date.now() - oldestMs) / 1000)),
      paused: journal.isPaused(),
      worker: { running: holder !== undefined, pid: holder?.processId },
      destinations: names.map((uri) => {
        const current = seen?.destinations.find((destination) => destination.uri === uri);
        return {
          uri,
          state: journal.isPaused(uri) ? 'paused' : (current?.state ?? 'ready'),
          ...perDestination.get(uri)!,
          lastError: current?.lastError?.message ?? findLastError(journal, uri),
        };
      }),
    };
  } finally {
    await journal.close();
  }
}

interface PathCounts {
  /** Waiting or on their way. */
  readonly total: number;
  readonly parked: number;
  readonly oldestMs: number | undefined;
  readonly perDestination: ReadonlyMap<string, { readonly waiting: number; readonly parked: number }>;
}

async function countPaths(spool: Spool, journal: Journal, names: readonly string[]): Promise<PathCounts> {
  const ids = await spool.listRecordIds();
  const read = new Set<StorePath>();
  const waiting = new Set<StorePath>();
  const parked = new Set<StorePath>();
  const at = new Map(names.map((uri) => [uri, { waiting: new Set<StorePath>(), parked: new Set<StorePath>() }]));
  let oldestMs: number | undefined;
  for await (const queued of readQueuedPaths(spool, journal, names, { ids: ids.slice(0, readableRecords) })) {
    const { path, record, destinations } = queued;
    read.add(path);
    if (isWaiting(queued)) {
      waiting.add(path);
      oldestMs ??= record.timeMs;
    }
    if (isParked(queued)) parked.add(path);
    for (const { uri, progress } of destinations)
      if (progress === 'waiting' || progress === 'parked') at.get(uri)![progress].add(path);
  }

  const younger = ids.slice(readableRecords).map((id) => parseRecordId(id)!);
  const youngerPaths = younger.reduce((sum, { pathCount }) => sum + pathCount, 0);
  const settledAt = new Map(names.map((uri) => [uri, 0]));
  if (younger.length > 0)
    for (const { path, destination, progress } of journal.entries()) {
      if (progress === 'waiting' || read.has(path) || !settledAt.has(destination)) continue;
      settledAt.set(destination, settledAt.get(destination)! + 1);
      if (progress !== 'parked') continue;
      parked.add(path);
      at.get(destination)!.parked.add(path);
    }
  const youngerWaitingAt = (uri: string): number => Math.max(0, youngerPaths - settledAt.get(uri)!);
  const youngerWaiting = Math.max(...names.map(youngerWaitingAt));
  if (youngerWaiting > 0) oldestMs ??= younger[0]!.timeMs;
  return {
    total: waiting.size + youngerWaiting,
    parked: parked.size,
    oldestMs,
    perDestination: new Map(
      names.map((uri) => {
        const { waiting, parked } = at.get(uri)!;
        return [uri, { waiting: waiting.size + youngerWaitingAt(uri), parked: parked.size }];
      }),
    ),
  };
}

function findLastError(journal: Journal, uri: string): string | undefined {
  let last: PathProgress | undefined;
  for (const entry of journal.entries())
    if (entry.destination === uri && entry.lastError && entry.sinceMs >= (last?.sinceMs ?? 0)) last = entry;
  return last?.lastError?.message;
}

async function countDamaged(directory: string): Promise<number> {
  try {
    return (await readdir(join(directory, 'damaged'))).length;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** What the worker said last; `undefined` when it said nothing that can be used. */
async function readWorkerStatus(directory: string): Promise<WorkerStatus | undefined> {
  try {
    const status: unknown = JSON.parse(await readFile(join(directory, workerStatusFile), 'utf8'));
    return isWorkerStatus(status) ? status : undefined;
  } catch {
    return undefined;
  }
}

function isWorkerStatus(value: unknown): value is WorkerStatus {
  const { version, active, destinations } = (value ?? {}) as Partial<Record<keyof WorkerStatus, unknown>>;
  return (
    version === 1 &&
    Number.isSafeInteger(active) &&
    (active as number) >= 0 &&
    Array.isArray(destinations) &&
    destinations.every(({ uri, state, lastError }: Partial<WorkerStatus['destinations'][number]>) => {
      const isState = state === 'ready' || state === 'paused' || state === 'unreachable' || state === 'throttled';
      return typeof uri === 'string' && isState && (lastError === undefined || typeof lastError.message === 'string');
    })
  );
}
