/**
 * So many tasks at a time, first come, first served.
 *
 * @module
 */
import { untilAborted } from './until-aborted.ts';

/** Runs a task when a slot is free; the signal ends the waiting, and the task sees to itself. */
export type Slots = <Value>(task: () => Promise<Value>, signal: AbortSignal | undefined) => Promise<Value>;

/** As many slots as may be taken at a time. */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  };
  const take = async (signal: AbortSignal | undefined): Promise<void> => {
    if (free > 0) {
      free--;
      return;
    }
    const turn = new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await untilAborted(turn, signal);
    } catch (error) {
      // The turn is handed on when it comes.
      turn.then(release, () => undefined);
      throw error;
    }
  };

  return async (task, signal) => {
    await take(signal);
    try {
      return await task();
    } finally {
      release();
    }
  };
}
