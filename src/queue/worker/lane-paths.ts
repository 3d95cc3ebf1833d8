/**
 * The paths that wait for one destination: few of them in memory, the rest in records that are yet to be read.
 *
 * @module
 */
import type { StorePath } from '../../store-path.ts';
import type { QueueRecord } from '../record.ts';
import { createSchedule } from './schedule.ts';

/** A path that waits. */
export interface WaitingPath {
  readonly path: StorePath;
  /** Those that it was found in. */
  readonly records: QueueRecord[];
  state: 'ready' | 'active' | 'delayed';
  /** How often it failed for reasons of its own. */
  attempts: number;
}

/** The paths of one destination. */
export interface LanePaths {
  /** Records that are not read yet; what came while the worker runs does not wait behind the backlog. */
  readonly unread: { fresh: IdQueue; backlog: IdQueue };
  /** Paths that could go now. */
  readonly readyCount: number;
  readonly delayedCount: number;
  get(path: StorePath): WaitingPath | undefined;
  values(): Iterable<WaitingPath>;
  /** A path of a record that is to wait from now on, or until then. */
  add(path: StorePath, record: QueueRecord, isFresh: boolean, attempts: number, dueMs: number | undefined): void;
  /** Take some to upload, half of them of what came last, where there are. */
  take(count: number): WaitingPath[];
  /** It did not go, for no fault of its own. */
  putBack(path: WaitingPath): void;
  delay(path: WaitingPath, dueMs: number): void;
  /** It waits no longer. */
  remove(path: WaitingPath): void;
  /** Make ready what is due. */
  wake(nowMs: number): void;
  nextDueMs(): number | undefined;
}

/** Names of records, first in, first out. */
export interface IdQueue {
  readonly size: number;
  push(ids: readonly string[]): void;
  take(count: number): string[];
}

/** No paths yet. */
export function createLanePaths(): LanePaths {
  const all = new Map<StorePath, WaitingPath>();
  const ready = { fresh: new Set<WaitingPath>(), backlog: new Set<WaitingPath>() };
  const delayed = createSchedule<WaitingPath>();
  /** Paths that were taken out of the schedule early stay in it until they are due. */
  let delayedCount = 0;

  function leave(path: WaitingPath): void {
    ready.fresh.delete(path);
    ready.backlog.delete(path);
    if (path.state === 'delayed') delayedCount--;
  }

  function makeReady(path: WaitingPath, where: 'fresh' | 'backlog'): void {
    leave(path);
    path.state = 'ready';
    ready[where].add(path);
  }

  return {
    unread: { fresh: createIdQueue(), backlog: createIdQueue() },
    get readyCount() {
      return ready.fresh.size + ready.backlog.size;
    },
    get delayedCount() {
      return delayedCount;
    },
    get: (path) => all.get(path),
    values: () => all.values(),
    add(path, record, isFresh, attempts, dueMs) {
      const waiting: WaitingPath = { path, records: [record], state: 'ready', attempts };
      all.set(path, waiting);
      if (dueMs === undefined) ready[isFresh ? 'fresh' : 'backlog'].add(waiting);
      else this.delay(waiting, dueMs);
    },
    take(count) {
      const fresh = [...ready.fresh].slice(0, Math.max(Math.ceil(count / 2), count - ready.backlog.size));
      const backlog = firstOf(ready.backlog, count - fresh.length);
      const taken = [...fresh, ...backlog];
      for (const path of taken) {
        leave(path);
        path.state = 'active';
      }
      return taken;
    },
    putBack: (path) => makeReady(path, 'backlog'),
    delay(path, dueMs) {
      leave(path);
      path.state = 'delayed';
      delayedCount++;
      delayed.add(path, dueMs);
    },
    remove(path) {
      leave(path);
      if (all.get(path.path) === path) all.delete(path.path);
    },
    wake(nowMs) {
      for (let path = delayed.takeDue(nowMs); path !== undefined; path = delayed.takeDue(nowMs))
        if (path.state === 'delayed' && all.get(path.path) === path) makeReady(path, 'backlog');
    },
    nextDueMs: () => delayed.nextDueMs(),
  };
}

function firstOf<Item>(items: Iterable<Item>, count: number): Item[] {
  const first: Item[] = [];
  for (const item of items) {
    if (first.length >= count) break;
    first.push(item);
  }
  return first;
}

function createIdQueue(): IdQueue {
  let ids: string[] = [];
  let next = 0;
  return {
    get size() {
      return ids.length - next;
    },
    push(more) {
      if (2 * next > ids.length) {
        ids = ids.slice(next);
        next = 0;
      }
      for (const id of more) ids.push(id);
    },
    take(count) {
      const taken = ids.slice(next, next + count);
      next += taken.length;
      if (next === ids.length) {
        ids = [];
        next = 0;
      }
      return taken;
    },
  };
}
