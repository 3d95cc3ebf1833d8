import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs, remainingMs } from '../../../src/queue/worker/back-off.ts';
import { createSchedule } from '../../../src/queue/worker/schedule.ts';

describe('a schedule', () => {
  it('gives what is due, the oldest first, and nothing else, whatever is added when', () => {
    const step = fc.record({ add: fc.array(fc.nat(100), { maxLength: 5 }), forwardMs: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const schedule = createSchedule<number>();
        let waiting: number[] = [];
        let nowMs = 0;
        for (const { add, forwardMs } of steps) {
          nowMs += forwardMs;
          for (const delayMs of add) {
            schedule.add(nowMs + delayMs, nowMs + delayMs);
            waiting.push(nowMs + delayMs);
          }
          waiting.sort((left, right) => left - right);
          expect(schedule.nextDueMs()).toBe(waiting[0]);
          const due = waiting.filter((time) => time <= nowMs);
          waiting = waiting.filter((time) => time > nowMs);
          const taken: number[] = [];
          for (let item = schedule.takeDue(nowMs); item !== undefined; item = schedule.takeDue(nowMs)) taken.push(item);
          expect(taken).toEqual(due);
        }
      }),
    );
  });
});

describe('a back-off', () => {
  it('doubles, is anywhere below its bound, and never beyond the longest', () => {
    const bounds = fc.record({
      firstMs: fc.nat(10_000),
      moreMs: fc.nat(1_000_000),
      failures: fc.integer({ min: 1, max: 3000 }),
    });
    fc.assert(
      fc.property(
        bounds,
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        ({ firstMs, moreMs, failures }, random) => {
          const backOff = { firstMs, maximumMs: firstMs + moreMs };
          const waitMs = backOffMs(failures, backOff, () => random);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(backOff.maximumMs);
          expect(waitMs).toBe(random * Math.min(backOff.maximumMs, firstMs * 2 ** Math.min(50, failures - 1)));
        },
      ),
    );
  });

  it('goes on after a restart, and no clock that was set makes it longer than the longest', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer(), fc.nat(900_000), (nextMs, clockJumpMs, maximumMs) => {
        const left = remainingMs(nextMs, nextMs + clockJumpMs, maximumMs);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(maximumMs);
      }),
    );
    expect(remainingMs(10_000, 4000, 900_000)).toBe(6000);
    expect(remainingMs(undefined, 4000, 900_000)).toBe(0);
  });
});
