/**
 * Ranges: inside, to the end, and beyond.
 *
 * @module
 */
import {
  assert,
  assertBytes,
  assertSame,
  bytesAt,
  type ConformanceCase,
  defineCase,
  failureOf,
  mustGet,
  readAll,
} from './case.ts';
import { sampleBytes, sampleContent } from './sample.ts';

const size = 1000;

export const rangeCases: readonly ConformanceCase[] = [
  defineCase('gives the part of an object that a range names', async ({ backend, key }) => {
    await backend.put(key('object'), sampleBytes(0, size));
    const expectations = [
      { range: { offset: 0, length: 1 }, start: 0, end: 1 },
      { range: { offset: 0, length: size }, start: 0, end: size },
      { range: { offset: 10, length: 20 }, start: 10, end: 30 },
      { range: { offset: size - 1, length: 1 }, start: size - 1, end: size },
      { range: { offset: 0 }, start: 0, end: size },
      { range: { offset: 990 }, start: 990, end: size },
      { range: { offset: 990, length: 5000 }, start: 990, end: size },
      { range: { offset: 0, length: 0 }, start: 0, end: 0 },
      { range: { offset: 500, length: 0 }, start: 0, end: 0 },
      { range: { offset: size }, start: 0, end: 0 },
      { range: { offset: size, length: 10 }, start: 0, end: 0 },
      { range: { offset: 5000 }, start: 0, end: 0 },
      { range: { offset: 5000, length: 0 }, start: 0, end: 0 },
    ];
    for (const { range, start, end } of expectations) {
      const what = `the range of ${range.length ?? 'all'} bytes from ${range.offset}`;
      const object = await mustGet(backend, key('object'), range);
      assertBytes(await readAll(object.body), sampleBytes(start, end), what);
      assert(object.size === size || object.size === undefined, `the size with ${what} is ${object.size}, not ${size}`);
    }
  }),

  defineCase('gives ranges of a large object', async ({ backend, key, largeSize }) => {
    await backend.put(key('large'), sampleContent(largeSize));
    const middle = Math.floor(largeSize / 2) - 333;
    const part = await bytesAt(backend, key('large'), { offset: middle, length: 300_000 });
    assertBytes(part, sampleBytes(middle, middle + 300_000), 'the middle');
    const tail = await bytesAt(backend, key('large'), { offset: largeSize - 100_001 });
    assertBytes(tail, sampleBytes(largeSize - 100_001, largeSize), 'the tail');
  }),

  defineCase('gives nothing of an empty object, and undefined of an absent one', async ({ backend, key }) => {
    await backend.put(key('empty'), new Uint8Array(0));
    for (const range of [{ offset: 0 }, { offset: 0, length: 10 }, { offset: 10 }, { offset: 0, length: 0 }]) {
      assertSame((await bytesAt(backend, key('empty'), range)).length, 0, 'the length of a range of an empty object');
      assertSame(await backend.get(key('absent'), { range }), undefined, 'the range of what is not there');
    }
  }),

  defineCase('refuses illegal ranges with a RangeError', async ({ backend, key }) => {
    await backend.put(key('object'), sampleBytes(0, size));
    for (const range of [
      { offset: -1 },
      { offset: 1.5 },
      { offset: Number.NaN },
      { offset: 0, length: -1 },
      { offset: 2 ** 53 },
    ]) {
      const what = `get with the range ${JSON.stringify(range)}`;
      const error = await failureOf(async () => backend.get(key('object'), { range }), what);
      assert(error instanceof RangeError, `${what} rejects with ${error}, not a RangeError`);
    }
  }),
];
