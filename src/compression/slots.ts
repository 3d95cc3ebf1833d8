/**
 * A bounded number of jobs at once.
 *
 * @module
 */

/** Runs jobs in the order they came, at most so many at a time. */
export interface Slots {
  /**
   * Run `job` when its turn comes.
   *
   * @throws the signal's reason when it is aborted before that.
   */
  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** `count` slots. */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    async run(job, signal) {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        signal.throwIfAborted();
        return await job();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}
