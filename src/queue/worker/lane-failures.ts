/**
 * What failures mean for the paths of a lane, and for its destination: who is to blame, and when it is tried again.
 *
 * @module
 */
import { asError } from '../../errors.ts';
import type { StorePath } from '../../store-path.ts';
import type { PathProgress } from '../journal.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import type { DestinationFailure, DestinationHealth } from './destination-health.ts';
import { classifyFailure, describeError, type FailureKind, retryAfterMs } from './failure.ts';
import type { LaneOptions } from './lane.ts';
import type { LanePaths, WaitingPath } from './lane-paths.ts';
import type { DestinationState } from './worker-event.ts';

/** The source is tried again after so long at most. */
const longestHoldMs = 60_000;

/** What the lane lets its failures know and do. */
export interface LaneFailuresOptions
  extends Pick<
    LaneOptions,
    'name' | 'queue' | 'journal' | 'originOf' | 'clock' | 'wallClock' | 'random' | 'onEvent' | 'onGone'
  > {
  readonly backOff: BackOff;
  readonly health: DestinationHealth;
  readonly paths: LanePaths;
  /** Does the destination answer, though the only path that there is breaks what it says? */
  readonly answersOtherwise: () => Promise<boolean>;
  /** What failed meanwhile may have left something at the destination. */
  readonly clearLeftovers: () => void;
  /** Write down what became of a path. */
  readonly note: (
    waiting: WaitingPath,
    progress: PathProgress['progress'],
    more?: Pick<PathProgress, 'nextAttemptMs' | 'lastError'>,
  ) => void;
}

/** What is left of a group of paths that were to be uploaded together. */
export interface FailedGroup {
  readonly left: readonly WaitingPath[];
  /** Why a path failed, if somebody said so. */
  readonly errorOf: (path: StorePath) => Error | undefined;
  readonly startedMs: number;
  /** Was the destination open? */
  readonly isOpen: boolean;
}

/** The failures of one lane. */
export interface LaneFailures {
  /** The source failed: nothing is begun before. */
  readonly heldUntilMs: number;
  /** How often the source or the destination failed in a row. */
  readonly inARow: number;
  judge(group: FailedGroup): Promise<void>;
  /** One of many questions failed. @returns whether that is the destination's fault. */
  isOfDestination(error: unknown): boolean;
  /** The destination is away, by many questions in a row. */
  isAway(error: unknown): void;
  /** The destination takes paths, or at least gets to their own faults. */
  answered(): void;
  /** Something was written there. */
  published(): void;
  /** The path is there: nothing is to be said against it. */
  acquit(waiting: WaitingPath): void;
  /** Tell of the state, when it is another. */
  tellState(): void;
  /** Somebody thinks that it is worth a try. */
  retryNow(): void;
}

/** Nothing failed yet. */
export function createLaneFailures(options: LaneFailuresOptions): LaneFailures {
  const { name, queue, journal, clock, wallClock, random, onEvent, backOff, health, paths, note } = options;
  /** Failed when the destination seemed to be away. When something else gets through after all, it was the path. */
  const suspects = new Map<WaitingPath, Error>();
  let heldUntilMs = 0;
  let sourceFailures = 0;
  let lastState: DestinationState = 'ready';

  const currentState = (): DestinationState => (journal.isPaused(name) ? 'paused' : health.state);

  function tellState(): void {
    const state = currentState();
    if (state === lastState) return;
    lastState = state;
    onEvent({ type: 'destination', destination: name, state });
  }

  function noteFailure(kind: DestinationFailure, error: Error, startedMs: number): void {
    health.failed(kind, error, { startedMs, nowMs: clock(), askedForMs: retryAfterMs(error) });
    lastState = currentState();
    onEvent({ type: 'destination', destination: name, state: lastState, error, retryMs: health.retryAtMs - clock() });
  }

  /** What is left of a group failed, or nobody said what became of it. */
  async function judge({ left, errorOf, startedMs, isOpen }: FailedGroup): Promise<void> {
    const failed = left.map((waiting) => {
      const error = errorOf(waiting.path) ?? new Error('nobody said what became of it');
      const kind = classifyFailure(error, options.originOf);
      // A destination that cannot be opened is not a path's fault.
      return { waiting, error, kind: isOpen || isDestinations(kind) || kind === 'source' ? kind : 'refused' } as const;
    });
    const [only] = failed;
    if (only?.kind === 'unreachable' && failed.length === 1) {
      const isOwnFault = await options.answersOtherwise();
      if (paths.get(only.waiting.path) !== only.waiting) return;
      if (isOwnFault) {
        chargeAttempt(only.waiting, only.error);
        answered();
        return;
      }
    }
    for (const { waiting, error, kind } of failed) handle(waiting, error, kind);
    const ofDestination = failed.filter(({ kind }) => isDestinations(kind));
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

  function handle(waiting: WaitingPath, error: Error, kind: FailureKind): void {
    if (kind === 'gone') options.onGone(waiting);
    else if (kind === 'hopeless') park(waiting, error);
    else if (kind === 'path') chargeAttempt(waiting, error);
    else paths.putBack(waiting);
  }

  /** The source, or this machine, fails: that is nobody's fault who waits. */
  function hold(error: Error): void {
    sourceFailures++;
    const maximumMs = Math.min(backOff.maximumMs, longestHoldMs);
    heldUntilMs = clock() + backOffMs(sourceFailures, { ...backOff, maximumMs }, random);
    onEvent({ type: 'warning', message: `nothing can be read to upload it: ${error.message}` });
  }

  function answered(): void {
    if (clock() < heldUntilMs) return;
    if (health.state !== 'ready') options.clearLeftovers();
    health.answered();
    tellState();
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
    note(waiting, 'waiting', { nextAttemptMs: wallClock() + delayMs, lastError: describeError(error) });
    onEvent({ type: 'retry', path, destination: name, attempts, delayMs, error });
  }

  function park(waiting: WaitingPath, error: Error): void {
    paths.remove(waiting);
    note(waiting, 'parked', { lastError: describeError(error) });
    onEvent({ type: 'parked', path: waiting.path, destination: name, error });
  }

  return {
    get heldUntilMs() {
      return heldUntilMs;
    },
    get inARow() {
      return Math.max(health.failuresInARow, sourceFailures);
    },
    judge,
    isOfDestination: (error) => isDestinations(classifyFailure(error, options.originOf)),
    isAway(error) {
      const kind = classifyFailure(error, options.originOf);
      if (isDestinations(kind)) noteFailure(kind, asError(error), clock());
    },
    answered,
    published() {
      health.wrote();
      for (const [path, error] of suspects) if (path.state === 'ready') chargeAttempt(path, error);
      suspects.clear();
    },
    acquit: (waiting) => suspects.delete(waiting),
    tellState,
    retryNow() {
      health.retryNow();
      heldUntilMs = 0;
    },
  };
}

function isDestinations(kind: FailureKind): kind is DestinationFailure {
  return kind === 'refused' || kind === 'throttled' || kind === 'unreachable';
}
