import { expect, test } from 'vitest';
import { createMemoryBackend } from '../../src/backend/index.ts';
import { openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { copy } from '../../src/copy/index.ts';
import type { StorePath } from '../../src/store-path.ts';
import { createSampleStore } from './sample-store.ts';

const count = 3000;

test('thousands of paths, of which some cannot be read, are copied or fail each for itself', async () => {
  const from = createSampleStore();
  const paths: StorePath[] = [];
  for (let index = 0; index < count; index++)
    paths.push(await from.add(`path-${index}`, index % 3 === 2 ? [paths[index - 1]!] : []));
  const unreadable = new Set(paths.filter((_, index) => index % 3 === 1));
  const to = await openBinaryCacheStore(createMemoryBackend(), { settings: { compression: 'none' } });
  const broken = {
    ...from,
    async *narFromPath(path: StorePath) {
      if (unreadable.has(path)) throw new Error('unreadable');
      yield* from.narFromPath(path);
    },
  };

  const first = await copy(broken, to, paths);
  expect(first).toMatchObject({ copied: count / 3, failed: (2 * count) / 3 });
  const second = await copy(from, to, paths);
  expect(second).toMatchObject({ copied: (2 * count) / 3, present: count / 3, failed: 0 });
});
