/**
 * Waiting until what was queued is uploaded.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import type { NarkitConfig } from '../config/index.ts';
import type { StorePath } from '../store-path.ts';
import { destinationName } from './destination-name.ts';
import { openJournal } from './journal.ts';
import { findProgress, isParked, isWaiting, type QueuedPath, readRecords } from './queued-path.ts';
import type { QueueRecord } from './record.ts';
import type { Spool } from './spool.ts';

/** What to wait for. Without paths and tag: all that lies in the queue now. */
export interface WaitOptions extends AbortOptions {
  readonly paths?: ReadonlySet<StorePath> | undefined;
  /** What was queued under this tag, also while we wait. */
  readonly tag?: string | undefined;
  /** Milliseconds to wait at most; for ever when absent. */
  readonly timeoutMs?: number | undefined;
  /** Told how many paths it still waits for, whenever that is another number. */
  readonly onProgress?: ((waiting: number) => void) | undefined;
}

/** How the waiting ended. */
export interface WaitResult {
  /** `settled`: nothing waits any more. `timeout`: something does. */
  readonly outcome: 'settled' | 'timeout';
  /** All paths that it waited for, those among them that were in no record too. */
  readonly paths: ReadonlySet<StorePath>;
  /** Those that were given up for a destination. */
  readonly parked: readonly QueuedPath[];
  /** Those that still wait, after a time-out. */
  readonly waiting: readonly QueuedPath[];
}

const shortestPollMs = 250;
/** The share of time that looking takes is at most one in so many. */
const rest = 5;

/**
 * Wait until nothing of what is meant waits any more, be it uploaded, parked, dropped or gone: what has left the queue may be at each
 * destination or at none, and only the destinations know.
 */
export async function waitForQueue(spool: Spool, config: NarkitConfig, options: WaitOptions = {}): Promise<WaitResult> {
  const { paths: wanted, tag, timeoutMs = Number.POSITIVE_INFINITY, signal, onProgress } = options;
  const destinations = config.to.map(destinationName);
  const startedMs = performance.now();
  const known = new Set<string>();
  const meant = new Map<string, QueueRecord>();
  const paths = new Set(wanted);
  let lastWaiting: number | undefined;

  function isMeant(record: QueueRecord, isFirstLook: boolean): boolean {
    if (tag !== undefined && record.tag !== tag) return false;
    if (wanted !== undefined) return record.paths.some((path) => wanted.has(path));
    return tag !== undefined || isFirstLook;
  }

  async function look(isFirstLook: boolean): Promise<QueuedPath[]> {
    const ids = await spool.listRecordIds();
    const fresh = ids.filter((id) => !known.has(id));
    for (const id of fresh) known.add(id);
    for await (const record of readRecords(spool, fresh, { signal }))
      if (isMeant(record, isFirstLook)) meant.set(record.id, record);
    const there = new Set(ids);
    for (const id of meant.keys()) if (!there.has(id)) meant.delete(id);
    const journal = await openJournal(spool.directory, { readOnly: true });
    const queued: QueuedPath[] = [];
    for (const record of meant.values())
      for (const path of record.paths) {
        if (wanted?.has(path) === false) continue;
        paths.add(path);
        queued.push({
          path,
          record,
          destinations: destinations.map((uri) => findProgress(journal, record, path, uri)),
        });
      }
    await journal.close();
    return queued;
  }

  for (let isFirstLook = true; ; isFirstLook = false) {
    const lookedMs = performance.now();
    const queued = await look(isFirstLook);
    const waiting = queued.filter(isWaiting);
    const ended = waiting.length === 0 ? 'settled' : performance.now() - startedMs >= timeoutMs ? 'timeout' : undefined;
    if (waiting.length !== lastWaiting) onProgress?.(waiting.length);
    lastWaiting = waiting.length;
    if (ended !== undefined) return { outcome: ended, paths, parked: queued.filter(isParked), waiting };
    const tookMs = performance.now() - lookedMs;
    const leftMs = startedMs + timeoutMs - performance.now();
    await delay(Math.max(0, Math.min(leftMs, Math.max(shortestPollMs, rest * tookMs))), undefined, { signal });
  }
}
