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
import { backOffMs, remainingMs } from './back-off.ts';
import { createDestinationHealth, type DestinationFailure } from './destination-health.ts';
import { classifyFailure, describeError, type FailureKind, type FailureOrigin, retryAfterMs } from './failure.ts';
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
  /** Failed when the destination seemed to be away. When something else gets through after all, it was the path. */
  const suspects = new Map<WaitingPath, Error>();
  let destination: Promise<Destination> | undefined;
  const ending = new AbortController();
  /** Of what is under way. */
  let controller = new AbortController();
  let failuresInARow = 0;
  let reading = false;
  let stopped = false;
  let probing = false;
  /** The source failed: nothing is begun before. */
  let heldUntilMs = 0;
  let sourceFailures = 0;
  let uploaded = 0;
  let timer: NodeJS.Timeout | undefined;
  let lastState: DestinationState = 'ready';

  const currentState = (): DestinationState => (journal.isPaused(name) ? 'paused' : health.state);

  const watcher = (signal: AbortSignal): LaneWatcher => ({
    signal,
    onAnswer() {
      failuresInARow = 0;
    },
    onFailure(error) {
      const kind = destinationFailureOf(error);
      if (kind === undefined || controller.signal.aborted || ++failuresInARow < failuresUntilAway) return;
      failuresInARow = 0;
      noteFailure(kind, asError(error), clock());
      controller.abort(new Error(`'${name}' is away`));
      controller = new AbortController();
    },
    onPublished() {
      health.wrote();
      for (const [path, error] of suspects) if (path.state === 'ready') chargeAttempt(path, error);
      suspects.clear();
    },
  });

  function destinationFailureOf(error: unknown): DestinationFailure | undefined {
    const kind = classifyFailure(error, options.originOf);
    return kind === 'refused' || kind === 'throttled' || kind === 'unreachable' ? kind : undefined;
  }

  function noteFailure(kind: DestinationFailure, error: Error, startedMs: number): void {
    health.failed(kind, error, { startedMs, nowMs: clock(), askedForMs: retryAfterMs(error) });
    lastState = currentState();
    onEvent({ type: 'destination', destination: name, state: lastState, error, retryMs: health.retryAtMs - clock() });
  }

  function noteState(): void {
    const state = currentState();
    if (state === lastState) return;
    lastState = state;
    onEvent({ type: 'destination', destination: name, state });
  }

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
    noteState();
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
    if (stopped || journal.isPaused(name) || nowMs < heldUntilMs) return false;
    if (health.state === 'ready') return groups.size < health.slots(nowMs);
    return !probing && health.slots(nowMs) > 0;
  }

  const unreadCount = (): number => paths.unread.fresh.size + paths.unread.backlog.size;

  function arm(nowMs: number): void {
    clearTimeout(timer);
    const next = [paths.nextDueMs(), heldUntilMs, health.state === 'ready' ? undefined : health.retryAtMs];
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
    let failures: ReadonlyMap<StorePath, Error> = new Map();
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
      failures = await uploadGroup(group, opened, options.settings, { signal, onThere });
    } catch (error) {
      failure = asError(error);
    }
    const left = group.filter((waiting) => waiting.state === 'active' && paths.get(waiting.path) === waiting);
    if (signal.aborted) for (const waiting of left) paths.putBack(waiting);
    else await judge(left, (path) => failures.get(path) ?? failure, startedMs, isOpen);
  }

  /** What is left of a group failed, or nobody said what became of it. */
  async function judge(
    left: readonly WaitingPath[],
    errorOf: (path: StorePath) => Error | undefined,
    startedMs: number,
    isOpen: boolean,
  ): Promise<void> {
    const failed = left.map((waiting) => {
      const error = errorOf(waiting.path) ?? new Error('nobody said what became of it');
      const kind = classifyFailure(error, options.originOf);
      // A destination that cannot be opened is not a path's fault.
      return { waiting, error, kind: isOpen || isOfDestination(kind) || kind === 'source' ? kind : 'refused' } as const;
    });
    const [only] = failed;
    if (only?.kind === 'unreachable' && failed.length === 1) {
      const isOwnFault = await isToBlame();
      if (paths.get(only.waiting.path) !== only.waiting) return;
      if (isOwnFault) {
        chargeAttempt(only.waiting, only.error);
        answered();
        return;
      }
    }
    for (const { waiting, error, kind } of failed) handle(waiting, error, kind);
    const ofDestination = failed.filter(({ kind }) => isOfDestination(kind));
    const worst = ofDestination.find(({ kind }) => kind === 'refused') ?? ofDestination[0];
    const ofSource = failed.find(({ kind }) => kind === 'source');
    if (ofSource !== undefined) hold(ofSource.error);
    else sourceFailures = 0;
    if (worst === undefined) {
      answered();
      return;
    }
    // Those of before are not to blame: nothing gets through.
    if (health.state !== 'ready') suspects.clear();
    if (worst.kind !== 'refused') for (const { waiting, error } of ofDestination) suspects.set(waiting, error);
    noteFailure(worst.kind as DestinationFailure, worst.error, startedMs);
  }

  /** Is it the path that breaks what a destination says, when no other is there to tell? Then that answers to something else. */
  async function isToBlame(): Promise<boolean> {
    const isAlone = groups.size === 1 && paths.readyCount + unreadCount() === 0;
    return isAlone && ((await (await destination)?.answers(controller)) ?? false);
  }

  function handle(waiting: WaitingPath, error: Error, kind: FailureKind): void {
    if (kind === 'gone') options.onGone(waiting);
    else if (kind === 'hopeless') park(waiting, error);
    else if (kind === 'path') chargeAttempt(waiting, error);
    else paths.putBack(waiting);
  }

  /** The source, or this machine, fails: that is nobody's fault who waits. */
  function hold(error: Error): void {
    sourceFailures++;
    heldUntilMs =
      clock() + backOffMs(sourceFailures, { ...backOff, maximumMs: Math.min(backOff.maximumMs, 60_000) }, random);
    onEvent({ type: 'warning', message: `nothing can be read to upload it: ${error.message}` });
  }

  function answered(): void {
    if (clock() < heldUntilMs) return;
    // What failed meanwhile may have left something there.
    if (health.state !== 'ready') destination?.then((opened) => opened.clearLeftovers()).catch(() => {});
    health.answered();
    noteState();
  }

  function chargeAttempt(waiting: WaitingPath, error: Error): void {
    waiting.attempts++;
    const { attempts, path } = waiting;
    if (attempts >= queue.attempts) {
      park(waiting, error);
      return;
    }
    const delayMs = backOffMs(attempts, backOff, random);
    paths.delay(waiting, clock() + delayMs);
    const nextAttemptMs = wallClock() + delayMs;
    note(waiting, 'waiting', { nextAttemptMs, lastError: describeError(error) });
    onEvent({ type: 'retry', path, destination: name, attempts, delayMs, error });
  }

  function park(waiting: WaitingPath, error: Error): void {
    paths.remove(waiting);
    note(waiting, 'parked', { lastError: describeError(error) });
    onEvent({ type: 'parked', path: waiting.path, destination: name, error });
  }

  function finish(waiting: WaitingPath, outcome: 'uploaded' | 'present', narSize: number, durationMs: number): void {
    const { path, records } = waiting;
    paths.remove(waiting);
    suspects.delete(waiting);
    note(waiting, 'done');
    if (outcome === 'uploaded') uploaded++;
    onEvent({ type: outcome, path, destination: name, narSize, durationMs });
    answered();
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
      return currentState();
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
      health.retryNow();
      heldUntilMs = 0;
      pumpSoon();
    },
    isIdle() {
      if (groups.size > 0 || reading || pumping) return false;
      return !mayStart(clock()) || (paths.readyCount === 0 && unreadCount() === 0);
    },
    isDrained() {
      if (groups.size > 0 || reading || pumping) return false;
      if (journal.isPaused(name)) return true;
      const tries = Math.max(health.failuresInARow, sourceFailures);
      if (health.state === 'paused' || tries >= queue.attempts) return true;
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

function isOfDestination(kind: FailureKind): kind is DestinationFailure {
  return kind === 'refused' || kind === 'throttled' || kind === 'unreachable';
}
