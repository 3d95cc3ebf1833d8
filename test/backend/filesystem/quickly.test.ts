import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, test, vi } from 'vitest';

/** What it knows of calls before is its module's. */
let quickly: typeof import('../../../src/backend/filesystem/quickly.ts').quickly;
beforeEach(async () => {
  vi.resetModules();
  ({ quickly } = await import('../../../src/backend/filesystem/quickly.ts'));
});

const where = (delayMs = 0) =>
  quickly(
    () => {
      for (const begun = performance.now(); performance.now() - begun < delayMs; );
      return 'here';
    },
    async () => 'in the pool',
  );

test('a quick call is made here', () => {
  expect(where()).toBe('here');
});

test('after a slow call the pool makes some, until it is tried again', async () => {
  expect(where(2)).toBe('here');
  let inPool = 0;
  while ((await where()) === 'in the pool') inPool++;
  expect(inPool).toBeGreaterThan(10);
});

test('many quick calls leave others their turn', async () => {
  let turns = 0;
  let over = false;
  const others = (async () => {
    for (; !over; turns++) await turn();
  })();
  const waysToPool = [];
  for (const begun = performance.now(); performance.now() - begun < 100; ) {
    const place = await quickly(
      () => 'here',
      () => turn('in the pool'),
    );
    if (place !== 'here') waysToPool.push(place);
  }
  over = true;
  await others;
  expect(waysToPool.length).toBeGreaterThan(0);
  expect(turns).toBeGreaterThan(1);
});

test('what a call throws is thrown', () => {
  const fail = () => {
    throw new Error('ENOENT');
  };
  expect(() => quickly(fail, async () => {})).toThrow('ENOENT');
});
