import { expect, test } from 'vitest';
import { createSlots } from '../../src/compression/slots.ts';

const forever = new AbortController().signal;

test('jobs begin in their order, so many at a time', async () => {
  const slots = createSlots(2);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const job = (number: number) =>
    slots.run(async () => {
      begun.push(number);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return number;
    }, forever);
  expect(await Promise.all([0, 1, 2, 3, 4].map(job))).toEqual([0, 1, 2, 3, 4]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});

test('a job that fails or is aborted before its turn frees its slot', async () => {
  const slots = createSlots(1);
  const controller = new AbortController();
  const failing = slots.run(() => Promise.reject(new Error('broken')), forever);
  const aborted = slots.run(() => Promise.resolve('never'), controller.signal);
  const last = slots.run(() => Promise.resolve('last'), forever);
  controller.abort(new Error('enough'));
  await expect(failing).rejects.toThrow('broken');
  await expect(aborted).rejects.toThrow('enough');
  expect(await last).toBe('last');
});
