import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryBackend } from '../../../src/backend/index.ts';
import { openBinaryCacheStore } from '../../../src/binary-cache/index.ts';
import { copy } from '../../../src/copy/index.ts';
import type { PathInfo } from '../../../src/path-info.ts';
import { createKnownPaths } from '../../../src/queue/worker/known-paths.ts';
import { shareUploads } from '../../../src/queue/worker/shared-uploads.ts';
import type { WritableStore } from '../../../src/store/store.ts';
import type { StorePath } from '../../../src/store-path.ts';
import { createSampleStore, samplePath } from '../../copy/sample-store.ts';

const pause = (steps: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, steps));

/** A cache that takes its time, fails when told to, and counts. */
async function createSlowCache(delays: readonly number[], failAt: ReadonlySet<number>) {
  const inner = await openBinaryCacheStore(createMemoryBackend(), { settings: { compression: 'none' } });
  const published: StorePath[] = [];
  const visible = new Set<StorePath>();
  let calls = 0;
  const step = async (): Promise<void> => {
    const call = calls++;
    await pause(delays[call % delays.length] ?? 0);
    if (failAt.has(call)) throw new Error(`failure ${call}`);
  };
  const store: WritableStore = {
    ...inner,
    async prepare(info: PathInfo, openNar, options) {
      await step();
      const publication = await inner.prepare(info, openNar, options);
      return {
        ...publication,
        async publish() {
          for (const reference of info.references)
            if (reference !== info.path && !visible.has(reference)) throw new Error(`${info.path} before ${reference}`);
          await step();
          await publication.publish();
          published.push(info.path);
          visible.add(info.path);
        },
      };
    },
  };
  return { store, published, visible };
}

describe('shared uploads', () => {
  const graph = fc.array(fc.array(fc.nat(100), { maxLength: 4 }), { minLength: 1, maxLength: 40 });
  const delays = fc.array(fc.nat(3), { minLength: 1, maxLength: 20 });
  const starts = fc.array(fc.record({ top: fc.nat(100), afterMs: fc.nat(10) }), { minLength: 1, maxLength: 12 });

  it('put each path once, in order, whatever is copied side by side', async () => {
    await fc.assert(
      fc.asyncProperty(graph, delays, starts, async (edges, delaysMs, copies) => {
        const from = createSampleStore();
        const names = edges.map((_, index) => `path-${index}`);
        for (const [index, references] of edges.entries()) {
          const earlier = index === 0 ? [] : references.map((reference) => samplePath(names[reference % index]!));
          await from.add(names[index]!, [...new Set(earlier)]);
        }
        const { store, published } = await createSlowCache(delaysMs, new Set());
        const known = createKnownPaths(() => performance.now());
        const to = shareUploads(store, { isPublished: known.has, onPublished: (info) => known.add(info.path) });
        const results = await Promise.all(
          copies.map(async ({ top, afterMs }) => {
            await pause(afterMs);
            return copy(from, to, [samplePath(names[top % names.length]!)], { isKnown: known.has });
          }),
        );
        for (const { outcomes } of results)
          expect(outcomes.map(({ error }) => error?.message).filter(Boolean)).toEqual([]);
        expect(new Set(published).size).toBe(published.length);
      }),
      { numRuns: 60 },
    );
  });

  it('wait in no circle where all slots of two copies are taken by what the other one lays down', async () => {
    const from = createSampleStore();
    const last = await from.add('last', [], '');
    const wide = async (name: string): Promise<StorePath[]> =>
      Promise.all(
        Array.from({ length: 60 }, (_, index) => from.add(`${name}-${index}`, [last], 'x'.repeat(500 + index))),
      );
    const [left, right] = [await wide('left'), await wide('right')];
    const { store, published } = await createSlowCache([1, 0, 2], new Set());
    const known = createKnownPaths(() => performance.now());
    const to = shareUploads(store, { isPublished: known.has, onPublished: (info) => known.add(info.path) });
    await Promise.all([copy(from, to, [...left, ...right]), copy(from, to, [...right, ...left])]);
    expect(published).toHaveLength(121);
    expect(new Set(published).size).toBe(121);
  });

  it('fail for all who share one, and are tried anew by who comes next', async () => {
    await fc.assert(
      fc.asyncProperty(graph, delays, fc.array(fc.nat(60), { maxLength: 10 }), async (edges, delaysMs, failures) => {
        const from = createSampleStore();
        const names = edges.map((_, index) => `path-${index}`);
        for (const [index, references] of edges.entries())
          await from.add(
            names[index]!,
            index === 0 ? [] : [...new Set(references.map((one) => samplePath(names[one % index]!)))],
          );
        const { store, published, visible } = await createSlowCache(delaysMs, new Set(failures));
        const known = createKnownPaths(() => performance.now());
        const to = shareUploads(store, { isPublished: known.has, onPublished: (info) => known.add(info.path) });
        const all = names.map(samplePath);
        await Promise.all([copy(from, to, all), copy(from, to, all), copy(from, to, all)]);
        for (let again = 0; visible.size < all.length; again++) {
          expect(again).toBeLessThan(failures.length + 1);
          await copy(from, to, all);
        }
        expect(new Set(published).size).toBe(published.length);
      }),
      { numRuns: 40 },
    );
  });
});
