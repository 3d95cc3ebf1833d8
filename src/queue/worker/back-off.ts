/**
 * How long to wait before the next try: exponential, with full jitter, so that many who fail together do not come back together.
 *
 * @module
 */

/** Beyond it, nothing and infinity times would be no number. */
const mostDoublings = 50;

/** The bounds of a back-off. */
export interface BackOff {
  /** The longest wait after the first failure; it doubles with each. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly maximumMs: number;
}

/**
 * The wait after this many failures in a row, from 1 on.
 *
 * @param random gives a number from 0 up to, but not including, 1.
 */
export function backOffMs(failures: number, { firstMs, maximumMs }: BackOff, random: () => number): number {
  return random() * Math.min(maximumMs, firstMs * 2 ** Math.min(failures - 1, mostDoublings));
}

/**
 * What is left of a wait that was written down by the clock on the wall, which may have been set since: one that is longer than any can
 * be is over.
 */
export function remainingMs(nextAttemptMs: number | undefined, nowMs: number, maximumMs: number): number {
  const left = (nextAttemptMs ?? 0) - nowMs;
  return left > 0 && left <= maximumMs ? left : 0;
}
