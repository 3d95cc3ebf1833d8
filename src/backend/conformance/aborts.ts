/**
 * The abort signal: before and during, in every method.
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
  readAll,
} from './case.ts';
import { sampleBytes, sampleContent, textBytes } from './sample.ts';

export const abortCases: readonly ConformanceCase[] = [
  defineCase('rejects with the reason when the signal was aborted before', async (bench) => {
    const { backend, prefix, key } = bench;
    await backend.put(key('object'), textBytes('there'));
    const signal = AbortSignal.abort(new Error('stopped before'));
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => backend.get(key('object'), { signal }),
      'get of a range': () => backend.get(key('object'), { signal, range: { offset: 1, length: 0 } }),
      head: () => backend.head(key('object'), { signal }),
      put: () => backend.put(key('new'), textBytes('new'), { signal }),
      'put of content': () => backend.put(key('new'), sampleContent(1000), { signal }),
      'put over an object': () => backend.put(key('object'), textBytes('new'), { signal }),
      delete: () => backend.delete(key('object'), { signal }),
    };
    if (backend.list !== undefined) calls.list = async () => drain(backend.list!(prefix, { signal }));
    if (backend.stage !== undefined) calls.stage = () => backend.stage!({ signal });
    for (const [method, call] of Object.entries(calls))
      assertSame(await failureOf(call, `${method} with an aborted signal`), signal.reason, `the error of ${method}`);
    assertBytes(await bytesAt(backend, key('object')), textBytes('there'), 'the object');
    await assertAbsent(bench, key('new'), 'after put with an aborted signal');
  }),

  defineCase('stops a put when the signal is aborted, also while its source hangs', async (bench) => {
    const { backend, key } = bench;
    await backend.put(key('old'), textBytes('what was there'));
    for (const name of ['old', 'fresh/new'])
      for (const hangs of [false, true]) {
        const stop = new AbortController();
        const reason = new Error('stopped while it was put');
        const error = await failureOf(
          () => backend.put(key(name), abortingContent(stop, reason, hangs), { signal: stop.signal }),
          'put with a signal that is aborted meanwhile',
        );
        assertSame(error, reason, 'the error of put');
      }
    assertBytes(await bytesAt(backend, key('old')), textBytes('what was there'), 'the object after an aborted put');
    await assertAbsent(bench, key('fresh/new'), 'after an aborted put');
    await backend.put(key('fresh/new'), textBytes('goes through'));
    assertBytes(await bytesAt(backend, key('fresh/new')), textBytes('goes through'), 'the object put after an abort');
  }),

  defineCase('lets go of the source of a put that is aborted', async ({ backend, key }) => {
    const stop = new AbortController();
    let closed = 0;
    let opened = 0;
    const content: Content = {
      size: 1_000_000,
      async *open() {
        opened++;
        try {
          yield sampleBytes(0, 100_000);
          stop.abort(new Error('stopped'));
          yield* sampleContent(900_000).open();
        } finally {
          closed++;
        }
      },
    };
    await failureOf(() => backend.put(key('object'), content, { signal: stop.signal }), 'put with an aborted signal');
    for (let waitedMs = 0; closed < opened && waitedMs < 5000; waitedMs += 10)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert(closed === opened, `the content was opened ${opened} times and let go of ${closed} times`);
  }),

  defineCase('ends a body when the signal of its get is aborted', async ({ backend, key, largeSize }) => {
    await backend.put(key('large'), sampleContent(largeSize));
    for (const readFirst of [false, true]) {
      const stop = new AbortController();
      const reason = new Error('stopped while it was read');
      const object = await backend.get(key('large'), { signal: stop.signal });
      assert(object !== undefined, 'get is undefined, and the object is there');
      if (!readFirst) stop.abort(reason);
      const error = await failureOf(async () => {
        for await (const chunk of object.body) if (chunk.length > 0) stop.abort(reason);
      }, 'reading a body whose signal is aborted');
      assertSame(error, reason, 'the error of the body');
    }
    const rest = await backend.get(key('large'), { range: { offset: largeSize - 10 } });
    assertBytes(await readAll(rest!.body), sampleBytes(largeSize - 10, largeSize), 'the tail, read after an abort');
  }),

  defineCase('ends a listing when its signal is aborted', async ({ backend, prefix, key }) => {
    if (backend.list === undefined) return;
    for (const name of ['a', 'b', 'c']) await backend.put(key(name), textBytes(name));
    const stop = new AbortController();
    const reason = new Error('stopped while it was listed');
    const error = await failureOf(async () => {
      for await (const _entry of backend.list!(prefix, { signal: stop.signal })) stop.abort(reason);
    }, 'a listing whose signal is aborted');
    assertSame(error, reason, 'the error of the listing');
  }),
];

/** Content that aborts the signal after some bytes, and then goes on or never gives another. */
function abortingContent(stop: AbortController, reason: Error, hangs: boolean): Content {
  return {
    size: 1_000_000,
    async *open() {
      yield sampleBytes(0, 100_000);
      if (hangs) {
        setTimeout(() => stop.abort(reason), 5);
        await new Promise(() => undefined);
      }
      stop.abort(reason);
      yield* sampleContent(900_000).open();
    },
  };
}

async function drain(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const _entry of entries);
}
