/**
 * Streams: large objects in both directions, and content that does not keep its word.
 *
 * @module
 */
import type { Content } from '../backend.ts';
import {
  assert,
  assertAbsent,
  assertBytes,
  assertSame,
  bytesAt,
  type ConformanceCase,
  defineCase,
  failureOf,
  mustGet,
  type Workbench,
} from './case.ts';
import { sampleBytes, sampleContent, textBytes } from './sample.ts';

/** More than this in one chunk is no stream. */
const largestChunk = 4 * 1024 * 1024;

export const streamCases: readonly ConformanceCase[] = [
  defineCase('streams a large object to a reader that is slow', async ({ backend, key, largeSize }) => {
    await backend.put(key('large'), sampleContent(largeSize));
    let received = 0;
    let nextPause = 0;
    for await (const chunk of (await mustGet(backend, key('large'))).body) {
      assert(chunk.length <= largestChunk, `a chunk has ${chunk.length} bytes: that is no stream`);
      assertBytes(chunk, sampleBytes(received, received + chunk.length), `the chunk at ${received}`);
      received += chunk.length;
      if (received < nextPause) continue;
      nextPause = received + 1024 * 1024;
      await pause(5);
    }
    assertSame(received, largeSize, 'the length of the body');
  }),

  defineCase('takes a large object from a source that is slow', async ({ backend, key }) => {
    const content = sampleContent(1_000_000, 100_000);
    const slow: Content = {
      size: content.size,
      async *open(range) {
        for await (const chunk of content.open(range)) {
          await pause(5);
          yield chunk;
        }
      },
    };
    await backend.put(key('slow'), slow);
    assertBytes(await bytesAt(backend, key('slow')), sampleBytes(0, content.size), 'the object');
  }),

  defineCase('opens content again for every put', async ({ backend, key }) => {
    const content = sampleContent(200_000);
    await backend.put(key('one'), content);
    await backend.put(key('two'), content);
    for (const range of content.opened)
      assert(
        range.offset + (range.length ?? 0) <= content.size,
        `the content was opened at ${range.offset}, beyond its end`,
      );
    for (const name of ['one', 'two'])
      assertBytes(await bytesAt(backend, key(name)), sampleBytes(0, 200_000), `the object '${name}'`);
  }),

  defineCase('refuses content that has more or fewer bytes than it says', async (bench) => {
    const lies = [
      { says: 1000, has: 999 },
      { says: 1000, has: 1001 },
      { says: 1000, has: 0 },
      { says: 0, has: 1000 },
      { says: 1_000_000, has: 999_999 },
      { says: 1_000_000, has: 1_000_001 },
      { says: 1_000_000, has: 1_100_000 },
    ];
    for (const { says, has } of lies) {
      const content: Content = { size: says, open: () => sampleContent(has, 100_000).open() };
      const what = `put of content that says ${says} bytes and has ${has}`;
      const error = await failedPut(bench, content, what);
      assertSame((error as { code?: unknown }).code, 'content-size', `the code of the error of ${what}`);
    }
  }),

  defineCase('throws what the content throws, and keeps what was there', async (bench) => {
    for (const goodBytes of [0, 10, 500_000, 1_000_000]) {
      const expected = new Error(`the source broke after ${goodBytes} bytes`);
      const content: Content = {
        size: 1_000_000,
        async *open() {
          if (goodBytes > 0) yield* sampleContent(goodBytes).open();
          throw expected;
        },
      };
      const error = await failedPut(bench, content, `put of content that throws after ${goodBytes} bytes`);
      assertSame(error, expected, 'the error of put');
    }
  }),

  defineCase('holds nothing up for bodies that are left unread or half read', async ({ backend, key }) => {
    const objectSize = 1024 * 1024;
    await backend.put(key('object'), sampleContent(objectSize));
    for (let count = 0; count < 30; count++) await mustGet(backend, key('object'));
    for (let count = 0; count < 30; count++) {
      for await (const chunk of (await mustGet(backend, key('object'))).body) {
        assertBytes(chunk, sampleBytes(0, chunk.length), 'the first chunk');
        break;
      }
    }
    await Promise.all(
      [...Array(30).keys()].map((number) => backend.put(key(`next-${number}`), textBytes(`next ${number}`))),
    );
    assertBytes(await bytesAt(backend, key('object')), sampleBytes(0, objectSize), 'the object read to its end');
  }),
];

/** Put bad content where nothing is and over an object; what it fails with. */
async function failedPut(bench: Workbench, content: Content, what: string): Promise<unknown> {
  const { backend, key } = bench;
  await failureOf(() => backend.put(key('fresh/new'), content), what);
  await assertAbsent(bench, key('fresh/new'), `after ${what}`);
  await backend.put(key('old'), textBytes('what was there'));
  const error = await failureOf(() => backend.put(key('old'), content), `${what} over an object`);
  assertBytes(await bytesAt(backend, key('old')), textBytes('what was there'), `the object after ${what} over it`);
  return error;
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
