/**
 * Records as they come: those that lie there, then those that hooks add.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import { parseRecordId } from '../record.ts';
import type { Spool, SpoolWatch } from '../spool.ts';

/** Where nothing tells of what comes, or it is missed: looked at so often. */
const lookAgainMs = 10_000;
/** The directory is listed anew at most so often, and for a tenth of the time at most. */
const shortestPauseMs = 20;
const pausePerLook = 9;

/** Who is told of records. */
export interface ArrivalsOptions {
  /** Records for all destinations; `fresh` ones came while the worker ran. */
  readonly onRecords: (ids: readonly string[], fresh: boolean) => void;
  /** Before a fresh one is handed on. @returns whether it is there, and can be read. */
  readonly onArrived: (id: string) => Promise<boolean>;
  /** Before and after each look at the directory. */
  readonly onLook: () => Promise<void>;
  readonly onLooked: () => void;
  readonly onError: (error: unknown) => void;
}

/** The names of all records in the spool. */
export interface Arrivals {
  /** Records that are there, and not done. */
  readonly size: number;
  has(id: string): boolean;
  /** Paths of all. */
  pathCount(): number;
  /** Hand on what is there, and watch. @returns how many there are. */
  start(): Promise<number>;
  isLooking(): boolean;
  /** A record is no longer there. */
  forget(id: string): void;
  /** Hand all on once more. */
  offerAgain(): void;
  stop(): Promise<void>;
}

/** Nothing happens before `start`. */
export function createArrivals(spool: Spool, options: ArrivalsOptions): Arrivals {
  const known = new Set<string>();
  let watch: SpoolWatch | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  /** Something happened that the look that is under way may not see. */
  let again = false;
  const stop = new AbortController();
  let isLooking = false;

  /** Records that came by name: with a hundred thousand in the directory, a list of it takes its time. */
  const named = new Set<string>();
  let taking: Promise<void> | undefined;

  function takeSoon(id: string): void {
    if (known.has(id)) return;
    named.add(id);
    taking ??= takeNamed()
      .catch(options.onError)
      .finally(() => {
        taking = undefined;
        options.onLooked();
      });
  }

  async function takeNamed(): Promise<void> {
    for (const id of named) {
      named.delete(id);
      await take(id);
    }
  }

  async function take(id: string): Promise<void> {
    if (known.has(id) || stop.signal.aborted) return;
    known.add(id);
    // What was removed meanwhile is named, too, and in a list that takes long.
    if (await options.onArrived(id)) options.onRecords([id], true);
    else known.delete(id);
  }

  async function look(): Promise<void> {
    // What is wrong with commands must not keep records from being seen.
    await options.onLook().catch(options.onError);
    const fresh: string[] = [];
    for await (const id of spool.recordIds()) if (!known.has(id)) fresh.push(id);
    for (const id of fresh.sort()) await take(id);
  }

  function lookSoon(): void {
    again = true;
    looking ??= lookWhileNeeded().finally(() => {
      looking = undefined;
    });
  }

  async function lookWhileNeeded(): Promise<void> {
    while (again && !stop.signal.aborted) {
      again = false;
      isLooking = true;
      const startMs = performance.now();
      await look().catch(options.onError);
      const tookMs = performance.now() - startMs;
      isLooking = again;
      options.onLooked();
      await setTimeout(Math.max(shortestPauseMs, pausePerLook * tookMs), undefined, stop).catch(() => {});
    }
  }

  return {
    get size() {
      return known.size;
    },
    has: (id) => known.has(id),
    pathCount: () => [...known].reduce((sum, id) => sum + (parseRecordId(id)?.pathCount ?? 0), 0),
    async start() {
      watch = spool.watch((id) => (id === undefined ? lookSoon() : takeSoon(id)));
      const ids = await spool.listRecordIds();
      for (const id of ids) known.add(id);
      options.onRecords(ids, false);
      timer = setInterval(lookSoon, lookAgainMs);
      lookSoon();
      return ids.length;
    },
    isLooking: () => isLooking || again || taking !== undefined,
    forget: (id) => known.delete(id),
    offerAgain: () => options.onRecords([...known], false),
    async stop() {
      stop.abort();
      watch?.close();
      clearInterval(timer);
      await Promise.all([looking, taking]);
    },
  };
}
