/**
 * Tasks that hold buffers, as many at a time as there is memory for, first come, first served.
 *
 * @module
 */
import { untilAborted } from '../until-aborted.ts';

/** Runs a task when its bytes are free; the signal ends the waiting, and the task sees to itself. */
export type ByteBudget = <Value>(
  byteCount: number,
  task: () => Promise<Value>,
  signal: AbortSignal | undefined,
) => Promise<Value>;

/** A budget of `limit` bytes; a task that wants more gets all of it. */
export function createByteBudget(limit: number): ByteBudget {
  let free = limit;
  const waiting: { readonly byteCount: number; readonly go: () => void }[] = [];
  const serve = (): void => {
    while (waiting.length > 0 && waiting[0]!.byteCount <= free) {
      const { byteCount, go } = waiting.shift()!;
      free -= byteCount;
      go();
    }
  };
  const release = (byteCount: number): void => {
    free += byteCount;
    serve();
  };

  return async (wanted, task, signal) => {
    signal?.throwIfAborted();
    const byteCount = Math.min(wanted, limit);
    const turn = new Promise<void>((go) => waiting.push({ byteCount, go }));
    serve();
    try {
      await untilAborted(turn, signal);
    } catch (error) {
      // The turn is handed on when it comes.
      void turn.then(() => release(byteCount));
      throw error;
    }
    try {
      return await task();
    } finally {
      release(byteCount);
    }
  };
}
