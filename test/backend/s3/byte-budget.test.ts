import { expect, it } from 'vitest';
import { createByteBudget } from '../../../src/backend/s3/byte-budget.ts';

it('lets as many bytes be held as it has, in the order of asking', async () => {
  const budget = createByteBudget(100);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const run = (byteCount: number, signal?: AbortSignal): Promise<void> =>
    budget(
      byteCount,
      () => {
        begun.push(byteCount);
        return new Promise((end) => ends.push(end));
      },
      signal,
    );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const stop = new AbortController();
  const all = [run(60), run(40), run(500), run(1), run(50, stop.signal), run(2)];
  await settle();
  expect(begun).toEqual([60, 40]);
  ends[0]!();
  await settle();
  expect(begun).toEqual([60, 40]);
  ends[1]!();
  await settle();
  expect(begun).toEqual([60, 40, 500]);
  stop.abort(new Error('stopped'));
  await expect(all[4]).rejects.toThrow('stopped');
  ends[2]!();
  await settle();
  expect(begun).toEqual([60, 40, 500, 1, 2]);
  for (const end of ends) end();
  await Promise.all(all.filter((_run, index) => index !== 4));
  await expect(budget(100, () => Promise.reject(new Error('failed')), undefined)).rejects.toThrow('failed');
  await expect(budget(100, async () => 'free again', undefined)).resolves.toBe('free again');
});
