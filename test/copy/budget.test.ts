import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../src/copy/budget.ts';

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createBudget', () => {
  it('keeps within the budget, starts in order, and runs all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 15 }), { maxLength: 50 }), async (weights) => {
        const budget = createBudget(10);
        let used = 0;
        const started: number[] = [];
        await Promise.all(
          weights.map((weight, index) =>
            budget.run(weight, async () => {
              started.push(index);
              used += Math.min(weight, 10);
              expect(used).toBeLessThanOrEqual(10);
              await pause();
              used -= Math.min(weight, 10);
            }),
          ),
        );
        expect(started).toEqual(weights.map((_, index) => index));
      }),
    );
  });

  it('goes on after a task that failed', async () => {
    const budget = createBudget(1);
    await expect(budget.run(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await budget.run(1, async () => 'yes')).toBe('yes');
  });

  it('runs what outweighs the budget alone', async () => {
    const budget = createBudget(5);
    let running = 0;
    const task = async (): Promise<number> => {
      running++;
      await pause();
      const seen = running;
      running--;
      return seen;
    };
    expect(await Promise.all([budget.run(99, task), budget.run(1, task)])).toEqual([1, 1]);
  });
});
