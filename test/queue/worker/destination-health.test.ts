import { describe, expect, it } from 'vitest';
import { createDestinationHealth } from '../../../src/queue/worker/destination-health.ts';

const backOff = { firstMs: 5000, maximumMs: 900_000 };
const error = new Error('no');
const minuteMs = 60_000;

describe('a destination', () => {
  it('that refuses us is tried again after 1, 2, 4, 8, 15 and 15 minutes, by one path', () => {
    const health = createDestinationHealth(backOff, 8, Math.random);
    let nowMs = 0;
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      health.failed('refused', error, { startedMs: nowMs, nowMs, askedForMs: 0 });
      expect(health).toMatchObject({ state: 'paused', retryAtMs: nowMs + minutes * minuteMs });
      expect(health.slots(health.retryAtMs - 1)).toBe(0);
      nowMs = health.retryAtMs;
      expect(health.slots(nowMs)).toBe(1);
    }
    health.answered();
    expect(health.slots(nowMs)).toBe(8);
  });

  it('that does not answer is tried again within a minute, however long it was away', () => {
    const health = createDestinationHealth(backOff, 8, () => 0.999);
    for (let nowMs = 0, failures = 0; failures < 100; failures++, nowMs = health.retryAtMs) {
      health.failed('unreachable', error, { startedMs: nowMs, nowMs, askedForMs: 0 });
      expect(health.retryAtMs - nowMs).toBeLessThan(minuteMs);
    }
    expect(health.state).toBe('unreachable');
  });

  it('that asks us to be slower gets the time that it asked for, and half of the groups', () => {
    const health = createDestinationHealth(backOff, 8, () => 0.5);
    health.failed('throttled', error, { startedMs: 0, nowMs: 1, askedForMs: 30_000 });
    expect(health).toMatchObject({ state: 'throttled', retryAtMs: 1 + 30_000 + 5000 });
    health.answered();
    expect(health.slots(40_000)).toBe(4);
    for (let writes = 0; writes < 30; writes++) health.wrote();
    expect(health.slots(40_000)).toBe(8);
  });

  it('is blamed once for what many groups found out at the same time', () => {
    const health = createDestinationHealth(backOff, 8, () => 0.5);
    for (const nowMs of [10, 11, 12]) health.failed('unreachable', error, { startedMs: 5, nowMs, askedForMs: 0 });
    expect(health.failuresInARow).toBe(1);
    health.retryNow();
    expect(health.slots(12)).toBe(1);
  });
});
