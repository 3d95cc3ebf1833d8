/**
 * Whether a destination takes paths, and when to ask again where it does not.
 *
 * @module
 */
import { type BackOff, backOffMs } from './back-off.ts';
import type { FailureKind } from './failure.ts';
import type { DestinationState } from './worker-event.ts';

/** Failures that are the destination's. */
export type DestinationFailure = Extract<FailureKind, 'refused' | 'throttled' | 'unreachable'>;

/** Bounds of the waits, derived from those of the paths. */
const minuteMs = 60_000;
const longestAskedForMs = 60 * minuteMs;

const stateAfter = { refused: 'paused', throttled: 'throttled', unreachable: 'unreachable' } as const;

/** How a destination does. Times are of a clock that only goes forward, in milliseconds. */
export interface DestinationHealth {
  readonly state: DestinationState;
  readonly error: Error | undefined;
  /** When it is tried again, while it is not `ready`. */
  readonly retryAtMs: number;
  /** Since something got through. */
  readonly failuresInARow: number;
  /** How many groups of paths may be on their way; 1 for a try whether it is back. */
  slots(nowMs: number): number;
  /**
   * It failed.
   *
   * @param startedMs when that was begun which failed. What was begun before the last failure tells nothing new.
   * @param askedForMs how long it asked to be left alone.
   */
  failed(
    kind: DestinationFailure,
    error: Error,
    times: { readonly startedMs: number; readonly nowMs: number; readonly askedForMs: number },
  ): void;
  /** A path got through, or at least to its own faults. */
  answered(): void;
  /** Something was written. */
  wrote(): void;
  /** Somebody thinks that it is worth a try. */
  retryNow(): void;
}

/** @param random gives a number from 0 up to, but not including, 1. */
export function createDestinationHealth(
  backOff: BackOff,
  maximumSlots: number,
  random: () => number,
): DestinationHealth {
  let state: DestinationState = 'ready';
  let error: Error | undefined;
  let failuresInARow = 0;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let retryAtMs = 0;
  /** Halved when it asks us to be slower, grown by one for each turn of all slots. */
  let slots = maximumSlots;

  const { firstMs, maximumMs } = backOff;
  const bounds: Readonly<Record<DestinationFailure, BackOff>> = {
    refused: { firstMs: 12 * firstMs, maximumMs: Math.min(maximumMs, 15 * minuteMs) },
    throttled: { firstMs: 2 * firstMs, maximumMs },
    unreachable: { firstMs, maximumMs: Math.min(maximumMs, minuteMs) },
  };

  return {
    get state() {
      return state;
    },
    get error() {
      return error;
    },
    get retryAtMs() {
      return retryAtMs;
    },
    get failuresInARow() {
      return failuresInARow;
    },
    slots(nowMs) {
      if (state === 'ready') return Math.max(1, Math.floor(slots));
      return nowMs >= retryAtMs ? 1 : 0;
    },
    failed(kind, failure, { startedMs, nowMs, askedForMs }) {
      error = failure;
      if (startedMs < failedAtMs) return;
      failedAtMs = nowMs;
      failuresInARow++;
      state = stateAfter[kind];
      if (kind === 'throttled') slots = Math.max(1, slots / 2);
      // Nobody else is there to come back at the same time to a place that wants other credentials.
      const jitter = kind === 'refused' ? () => 1 : random;
      retryAtMs = nowMs + Math.min(askedForMs, longestAskedForMs) + backOffMs(failuresInARow, bounds[kind], jitter);
    },
    answered() {
      state = 'ready';
    },
    wrote() {
      failuresInARow = 0;
      slots = Math.min(maximumSlots, slots + 1 / slots);
    },
    retryNow() {
      retryAtMs = 0;
    },
  };
}
