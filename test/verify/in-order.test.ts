import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { runInOrder } from '../../src/verify/in-order.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('results come in order, and no more than so many run at a time', async () => {
  let running = 0;
  let most = 0;
  const task = async (item: number): Promise<number> => {
    most = Math.max(most, ++running);
    await delay(item % 3);
    running--;
    return item;
  };
  const stop = vi.fn();
  const results: number[] = [];
  for await (const result of runInOrder(numbers(50), 5, task, stop)) results.push(result);
  expect(results).toEqual(numbers(50));
  expect(most).toBe(5);
  expect(stop).not.toHaveBeenCalled();
});

test('who leaves early has nothing running behind', async () => {
  let running = 0;
  const stop = vi.fn();
  const task = async (item: number): Promise<number> => {
    running++;
    await delay(item);
    running--;
    return item;
  };
  for await (const result of runInOrder(numbers(50), 5, task, stop)) if (result === 3) break;
  expect(stop).toHaveBeenCalledOnce();
  expect(running).toBe(0);
});

test('the first failure is thrown, and no other is left alone', async () => {
  const task = async (item: number): Promise<number> => {
    await delay(1);
    if (item >= 2) throw new Error(`failure ${item}`);
    return item;
  };
  const stop = vi.fn();
  const results: number[] = [];
  const run = async (): Promise<void> => {
    for await (const result of runInOrder(numbers(50), 5, task, stop)) results.push(result);
  };
  await expect(run()).rejects.toThrow('failure 2');
  expect(results).toEqual([0, 1]);
  expect(stop).toHaveBeenCalledOnce();
});
