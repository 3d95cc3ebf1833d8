/**
 * A bound on what is under way at the same time.
 *
 * @module
 */

/** Runs tasks in the order in which they come, as long as the weights of those that run stay within the budget. */
export interface Budget {
  /** Run the task when its weight fits; one that outweighs the whole budget runs alone. */
  run<Result>(weight: number, task: () => Promise<Result>): Promise<Result>;
}

/** A budget of `total`, in whatever unit the weights are. */
export function createBudget(total: number): Budget {
  const waiting: { weight: number; start: () => void }[] = [];
  let next = 0;
  let left = total;

  /** The queue is read by index and emptied when all is read: no shift of thousands of entries for each task. */
  function startWhatFits(): void {
    for (let entry = waiting[next]; entry !== undefined && entry.weight <= left; entry = waiting[next]) {
      left -= entry.weight;
      next++;
      entry.start();
    }
    if (next === waiting.length) {
      waiting.length = 0;
      next = 0;
    }
  }

  return {
    async run(weight, task) {
      const taken = Math.min(weight, total);
      await new Promise<void>((resolve) => {
        waiting.push({ weight: taken, start: resolve });
        startWhatFits();
      });
      try {
        return await task();
      } finally {
        left += taken;
        startWhatFits();
      }
    },
  };
}
