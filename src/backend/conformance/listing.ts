/**
 * Listings, for backends that list.
 *
 * @module
 */
import { assert, assertSame, type ConformanceCase, defineCase, keysListed } from './case.ts';
import { sampleBytes } from './sample.ts';

export const listingCases: readonly ConformanceCase[] = [
  defineCase('lists each object under a prefix once, with its size', async ({ backend, prefix, key }) => {
    if (backend.list === undefined) return;
    const sizes = new Map<string, number>();
    for (let number = 0; number < 60; number++) sizes.set(key(`${number % 3 === 0 ? 'nar/' : ''}${number}`), number);
    await Promise.all([...sizes].map(([name, size]) => backend.put(name, sampleBytes(0, size))));
    const seen = new Map<string, number>();
    for await (const entry of backend.list(prefix)) {
      assert(!seen.has(entry.key), `list shows '${entry.key}' twice`);
      seen.set(entry.key, entry.size);
    }
    assertSame(seen.size, sizes.size, 'the number of objects listed');
    for (const [name, size] of sizes) assertSame(seen.get(name), size, `the size that list shows of '${name}'`);
  }),

  defineCase('takes the prefix of a listing as text', async ({ backend, prefix, key }) => {
    if (backend.list === undefined) return;
    for (const name of ['nar/abc', 'nar/abd', 'nar/x/y', 'narrow', 'other'])
      await backend.put(key(name), sampleBytes(0, 1));
    const expectations: Record<string, readonly string[]> = {
      'nar/': ['nar/abc', 'nar/abd', 'nar/x/y'],
      nar: ['nar/abc', 'nar/abd', 'nar/x/y', 'narrow'],
      'nar/ab': ['nar/abc', 'nar/abd'],
      'nar/abc': ['nar/abc'],
      'nar/abcd': [],
      'nar/x/y/': [],
      'no/such/place': [],
    };
    for (const [text, names] of Object.entries(expectations)) {
      const listed = (await keysListed(backend, prefix + text)).sort().join(', ');
      assertSame(listed, names.map(key).join(', '), `what list shows under '${text}'`);
    }
    assertSame((await keysListed(backend, `../${prefix}`)).length, 0, 'the number of objects outside of the backend');
  }),

  defineCase('lets a listing be left early', async ({ backend, prefix, key }) => {
    if (backend.list === undefined) return;
    for (const name of ['a', 'b', 'c']) await backend.put(key(name), sampleBytes(0, 1));
    for (let count = 0; count < 5; count++) for await (const _entry of backend.list(prefix)) break;
    for await (const entry of backend.list(prefix)) await backend.delete(entry.key);
    assertSame((await keysListed(backend, prefix)).length, 0, 'the number of objects after all were deleted');
  }),
];
