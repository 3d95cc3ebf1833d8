/**
 * One destination's part of the worker: its own schedule, so that no destination holds another.
 *
 * @module
 */
import type { QueueConfig } from '../../config/index.ts';
import { asError } from '../../errors.ts';
import type { StorePath } from '../../store-path.ts';
import type { Journal, PathProgress } from '../journal.ts';
import type { QueueRecord } from '../record.ts';
import { remainingMs } from './back-off.ts';
import { createDestinationHealth } from './destination-health.ts';
import type { FailureOrigin } from './failure.ts';
import { createLaneFailures } from './lane-failures.ts';
import { createLanePaths, type WaitingPath } from './lane-paths.ts';
import type { Destination } from './open-destination.ts';
import { isSettled } from './settled.ts';
import { type UploadSettings, uploadGroup } from './upload-group.ts';
import type { DestinationState, WorkerEvent } from './worker-event.ts';

/** Paths that are asked for together; fewer where the destination is slow. */
const pathsAGroup = 32;
/** Records are read ahead until so many paths are ready. */
const pathsAhead = 256;
const recordsAtATime = 64;
/** Questions in a row that nobody answered, among many at a time: the destination is away, and what is under way is given up. */
const failuresUntilAway = 8;
/** Longest time that a timer takes. */
const longestTimerMs = 2 ** 31 - 1;

/** What a lane works with. */
export interface LaneOptions {
  /** As {@link destinationName} calls it. */
  readonly name: string;
  readonly settings: UploadSettings;
  readonly queue: Pick<QueueConfig, 'attempts' | 'retryDelayMs' | 'retryDelayMaximumMs' | 'parallelPaths'>;
  readonly journal: Journal;
  readonly originOf: (error: unknown) => FailureOrigin;
  readonly open: (watcher: LaneWatcher) => Promise<Destination>;
  readonly readRecord: (id: string) => Promise<QueueRecord | undefined>;
  /** Is the record still in the queue? Another lane may have been the last to see to it, and what is read ahead is old. */
  readonly isQueued: (id: string) => boolean;
  /** Milliseconds of a clock that only goes forward, and of the one on the wall. */
  readonly clock: () => number;
  readonly wallClock: () => number;
  readonly random: () => number;
  readonly onEvent: (event: WorkerEvent) => void;
  /** Nothing of these records waits here any more. */
  readonly onSettled: (records: readonly QueueRecord[]) => void;
  /** The source does not have this path any more. */
  readonly onGone: (waiting: WaitingPath) => void;
  /** Something changed that others look at. */
  readonly onChange: () => void;
}

/** What a destination tells its lane. */
export interface LaneWatcher {
  readonly signal: AbortSignal;
  onAnswer(): void;
  onFailure(error: unknown): void;
  onPublished(): void;
}

/** One destination's part of the worker. */
export interface Lane {
  readonly name: string;
  /** As the destination does. That somebody paused it, says the journal, and sooner than a status file. */
  readonly state: DestinationState;
  readonly lastError: Error | undefined;
  readonly uploaded: number;
  /** Paths that are on their way. */
  active(): StorePath[];
  /** Records to look at; `fresh` ones came while the worker ran. */
  offer(ids: readonly string[], fresh: boolean): void;
  /** Open the destination even if nothing waits for it: something may have been left there. */
  clearUp(): void;
  /** The path is settled, by what the journal says. */
  settle(path: StorePath): void;
  /** The journal was changed by a command: forget what is in memory and does not agree. */
  refresh(): void;
  /** Is nothing under way, and nothing to be done now? */
  isIdle(): boolean;
  /** Is nothing left that waits, or nothing that somebody need not see to first? */
  isDrained(): boolean;
  /** Begin nothing more. */
  stop(): void;
  /** Give up what is under way. */
  abandon(): void;
  /** Resolves when nothing is under way. */
  ended(): Promise<void>;
}

/** A lane that does nothing before something is offered. */
export function createLane(options: LaneOptions): Lane {
  const { name, queue, journal, clock, wallClock, random, onEvent } = options;
  const backOff = { firstMs: queue.retryDelayMs, maximumMs: queue.retryDelayMaximumMs };
  const health = createDestinationHealth(backOff, queue.parallelPaths, random);
  const paths = createLanePaths();
  const groups = new Set<Promise<void>>();
  let destination: Promise<Destination> | undefined;
  const ending = new AbortController();
  /** Of what is under way. */
  let controller = new AbortController();
  let failuresInARow = 0;
  let reading = false;
  let stopped = false;
  let probing = false;
  let uploaded = 0;
  let timer: NodeJS.Timeout | undefined;

  const failures = createLaneFailures({
    ...options,
    backOff,
    health,
    paths,
    async answersOtherwise() {
      const isAlone = groups.size === 1 && paths.readyCount + unreadCount() === 0;
      return isAlone && ((await (await destination)?.answers(controller)) ?? false);
    },
    clearLeftovers: () => void destination?.then((opened) => opened.clearLeftovers()).catch(() => {}),
    note,
  });

  const watcher = (signal: AbortSignal): LaneWatcher => ({
    signal,
    onAnswer() {
      failuresInARow = 0;
    },
    onFailure(error) {
      const isToCount = failures.isOfDestination(error) && !controller.signal.aborted;
      if (!isToCount || ++failuresInARow < failuresUntilAway) return;
      failuresInARow = 0;
      failures.isAway(error);
      controller.abort(new Error(`'${name}' is away`));
      controller = new AbortController();
    },
    onPublished: () => failures.published(),
  });

  function open(): Promise<Destination> {
    // The store outlives the groups.
    destination ??= options.open(watcher(ending.signal)).catch((error: unknown) => {
      destination = undefined;
      throw error;
    });
    return destination;
  }

  function pump(): void {
    if (stopped) return;
    const nowMs = clock();
    paths.wake(nowMs);
    failures.tellState();
    while (mayStart(nowMs)) {
      const isProbe = health.state !== 'ready';
      const slots = health.slots(nowMs);
      const size = isProbe ? 1 : Math.ceil((pathsAGroup * slots) / queue.parallelPaths);
      const group = paths.take(size);
      if (group.length === 0) break;
      begin(group, isProbe);
    }
    if (!reading && paths.readyCount < pathsAhead && unreadCount() > 0) void readMore();
    arm(nowMs);
    options.onChange();
  }

  function mayStart(nowMs: number): boolean {
    if (stopped || journal.isPaused(name) || nowMs < failures.heldUntilMs) return false;
    if (health.state === 'ready') return groups.size < health.slots(nowMs);
    return !probing && health.slots(nowMs) > 0;
  }

  const unreadCount = (): number => paths.unread.fresh.size + paths.unread.backlog.size;

  function arm(nowMs: number): void {
    clearTimeout(timer);
    const next = [paths.nextDueMs(), failures.heldUntilMs, health.state === 'ready' ? undefined : health.retryAtMs];
    const dueMs = Math.min(...next.filter((time) => time !== undefined && time > nowMs).map(Number));
    if (dueMs !== Number.POSITIVE_INFINITY) timer = setTimeout(pump, Math.min(dueMs - nowMs + 1, longestTimerMs));
  }

  async function readMore(): Promise<void> {
    reading = true;
    try {
      while (!stopped && paths.readyCount < pathsAhead && unreadCount() > 0) {
        const { fresh, backlog } = paths.unread;
        const freshIds = fresh.take(Math.max(recordsAtATime / 2, recordsAtATime - backlog.size));
        const ids = [...freshIds, ...backlog.take(recordsAtATime - freshIds.length)];
        const records = await Promise.all(ids.map(options.readRecord));
        const settled = records.filter(
          (record, index) => record && options.isQueued(record.id) && !take(record, index < freshIds.length),
        );
        if (settled.length > 0) options.onSettled(settled as QueueRecord[]);
        pumpSoon();
      }
    } catch (error) {
      onEvent({ type: 'warning', message: `records of the queue cannot be read: ${asError(error).message}` });
    } finally {
      reading = false;
      pumpSoon();
    }
  }

  let pumping = false;
  function pumpSoon(): void {
    if (pumping) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      pump();
    });
  }

  /** @returns whether something of the record waits here. */
  function take(record: QueueRecord, isFresh: boolean): boolean {
    let waits = false;
    for (const path of new Set(record.paths)) {
      const known = journal.get(path, name);
      if (isSettled(known, record)) continue;
      waits = true;
      const waiting = paths.get(path);
      if (waiting !== undefined) {
        if (!waiting.records.some(({ id }) => id === record.id)) waiting.records.push(record);
        continue;
      }
      if (known?.progress === 'parked') continue;
      const attempts = known?.progress === 'waiting' ? known.attempts : 0;
      const leftMs = remainingMs(known?.nextAttemptMs, wallClock(), queue.retryDelayMaximumMs);
      paths.add(path, record, isFresh, attempts, leftMs > 0 ? clock() + leftMs : undefined);
    }
    return waits;
  }

  function begin(group: readonly WaitingPath[], isProbe: boolean): void {
    if (isProbe) probing = true;
    for (const { path } of group) onEvent({ type: 'uploading', path, destination: name });
    const running = run(group).finally(() => {
      groups.delete(running);
      if (isProbe) probing = false;
      pump();
    });
    groups.add(running);
  }

  async function run(group: readonly WaitingPath[]): Promise<void> {
    const startedMs = clock();
    const { signal } = controller;
    let errors: ReadonlyMap<StorePath, Error> = new Map();
    let failure: Error | undefined;
    let isOpen = false;
    try {
      const opened = await open();
      isOpen = true;
      const onThere = (path: StorePath, outcome: 'uploaded' | 'present', narSize: number): void => {
        const waiting = paths.get(path);
        // What came along with others is there, too; but its log may not be.
        const isMeant = waiting && (group.includes(waiting) || !options.settings.buildLogs);
        if (isMeant) finish(waiting, outcome, narSize, clock() - startedMs);
      };
      errors = await uploadGroup(group, opened, options.settings, { signal, onThere });
    } catch (error) {
      failure = asError(error);
    }
    const left = group.filter((waiting) => waiting.state === 'active' && paths.get(waiting.path) === waiting);
    if (signal.aborted) for (const waiting of left) paths.putBack(waiting);
    else await failures.judge({ left, errorOf: (path) => errors.get(path) ?? failure, startedMs, isOpen });
  }

  function finish(waiting: WaitingPath, outcome: 'uploaded' | 'present', narSize: number, durationMs: number): void {
    const { path, records } = waiting;
    paths.remove(waiting);
    failures.acquit(waiting);
    note(waiting, 'done');
    if (outcome === 'uploaded') uploaded++;
    onEvent({ type: outcome, path, destination: name, narSize, durationMs });
    failures.answered();
    options.onSettled(records);
  }

  function note(
    { path, attempts, records }: WaitingPath,
    progress: PathProgress['progress'],
    more: Pick<PathProgress, 'nextAttemptMs' | 'lastError'> = {},
  ): void {
    // A clock that was set back must not make the record younger than its upload.
    const sinceMs = Math.max(wallClock(), ...records.map(({ timeMs }) => timeMs));
    journal.set({ path, destination: name, progress, attempts, sinceMs, ...more });
  }

  return {
    name,
    get state() {
      return health.state;
    },
    get lastError() {
      return health.error;
    },
    get uploaded() {
      return uploaded;
    },
    active: () => [...paths.values()].flatMap(({ path, state }) => (state === 'active' ? [path] : [])),
    offer(ids, fresh) {
      paths.unread[fresh ? 'fresh' : 'backlog'].push(ids);
      pumpSoon();
    },
    clearUp() {
      // A destination that is away says so when something is to be uploaded.
      const opening: Promise<void> = open()
        .then(
          () => {},
          () => {},
        )
        .finally(() => {
          groups.delete(opening);
          pump();
        });
      groups.add(opening);
    },
    settle(path) {
      const waiting = paths.get(path);
      if (waiting === undefined) return;
      paths.remove(waiting);
      options.onSettled(waiting.records);
    },
    refresh() {
      for (const waiting of [...paths.values()]) {
        if (waiting.state === 'active') continue;
        const known = journal.get(waiting.path, name);
        if (known !== undefined && known.progress !== 'waiting') paths.remove(waiting);
        else if (known === undefined && waiting.attempts > 0) {
          waiting.attempts = 0;
          paths.putBack(waiting);
        }
      }
      failures.retryNow();
      pumpSoon();
    },
    isIdle() {
      if (groups.size > 0 || reading || pumping) return false;
      return !mayStart(clock()) || (paths.readyCount === 0 && unreadCount() === 0);
    },
    isDrained() {
      if (groups.size > 0 || reading || pumping) return false;
      if (journal.isPaused(name)) return true;
      if (health.state === 'paused' || failures.inARow >= queue.attempts) return true;
      return paths.readyCount + paths.delayedCount + unreadCount() === 0;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
    abandon() {
      for (const one of [ending, controller]) one.abort(new Error('the worker stops'));
    },
    async ended() {
      while (groups.size > 0) await Promise.allSettled(groups);
      const opened = await destination?.catch(() => undefined);
      await opened?.store.close();
    },
  };
}
