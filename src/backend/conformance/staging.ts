/**
 * Staged objects, for backends that stage.
 *
 * @module
 */
import type { StagedObject } from '../backend.ts';
import {
  assert,
  assertAbsent,
  assertBytes,
  assertSame,
  bytesAt,
  type ConformanceCase,
  defineCase,
  failureOf,
} from './case.ts';
import { sampleBytes, sampleContent, textBytes } from './sample.ts';

export const stagingCases: readonly ConformanceCase[] = [
  defineCase('shows a staged object when it is committed, and not before', async (bench) => {
    const { backend, key, largeSize } = bench;
    if (backend.stage === undefined) return;
    for (const size of [0, 1000, largeSize]) {
      const staged = await backend.stage();
      for await (const chunk of sampleContent(size).open()) await staged.write(chunk);
      await assertAbsent(bench, key(`nar/staged-${size}`), 'before the commit');
      await staged.commit(key(`nar/staged-${size}`), { contentType: 'application/x-nix-nar' });
      assertBytes(await bytesAt(backend, key(`nar/staged-${size}`)), sampleBytes(0, size), 'the object');
      await staged.abort();
      assertBytes(await bytesAt(backend, key(`nar/staged-${size}`)), sampleBytes(0, size), 'the object after abort');
    }
  }),

  defineCase('leaves nothing of a staged object that is aborted', async (bench) => {
    const { backend, key } = bench;
    if (backend.stage === undefined) return;
    const staged = await backend.stage();
    await staged.write(sampleBytes(0, 1000));
    await staged.abort();
    await staged.abort();
    await failureOf(() => staged.write(sampleBytes(0, 1)), 'write after abort');
    await failureOf(() => staged.commit(key('aborted')), 'commit after abort');
    await assertAbsent(bench, key('aborted'), 'after abort');
  }),

  defineCase('replaces an object by a staged one, and refuses an illegal key', async ({ backend, key }) => {
    if (backend.stage === undefined) return;
    await backend.put(key('object'), textBytes('what was there'));
    const refused = await backend.stage();
    await refused.write(textBytes('what comes'));
    const error = await failureOf(() => refused.commit('../outside'), 'commit to an illegal key');
    assert(error instanceof TypeError, `commit to an illegal key rejects with ${error}, not a TypeError`);
    await refused.abort();
    assertBytes(await bytesAt(backend, key('object')), textBytes('what was there'), 'the object before the commit');
    const staged = await backend.stage();
    await staged.write(textBytes('what '));
    await staged.write(textBytes('comes'));
    await staged.commit(key('object'));
    assertBytes(await bytesAt(backend, key('object')), textBytes('what comes'), 'the object after the commit');
  }),

  defineCase('stages many objects at once', async ({ backend, key }) => {
    if (backend.stage === undefined) return;
    const staged = await Promise.all([...Array(20).keys()].map(() => backend.stage!()));
    const writeAll = async (object: StagedObject, number: number): Promise<void> => {
      for (let part = 0; part < 5; part++) await object.write(sampleBytes(number, number + 1000));
      await object.commit(key(`many/${number}`));
    };
    await Promise.all(staged.map(writeAll));
    for (const number of staged.keys()) {
      const bytes = await bytesAt(backend, key(`many/${number}`));
      assertSame(bytes.length, 5000, 'the length of the object');
      assertBytes(bytes.subarray(4000), sampleBytes(number, number + 1000), 'the end of the object');
    }
  }),

  defineCase('ends a staged object when its signal is aborted', async (bench) => {
    const { backend, key } = bench;
    if (backend.stage === undefined) return;
    const stop = new AbortController();
    const staged = await backend.stage({ signal: stop.signal });
    await staged.write(sampleBytes(0, 1000));
    stop.abort(new Error('stopped while it was written'));
    const error = await failureOf(() => staged.write(sampleBytes(0, 1000)), 'write with an aborted signal');
    assertSame(error, stop.signal.reason, 'the error of write');
    await staged.abort();

    const uncommitted = await backend.stage();
    await uncommitted.write(sampleBytes(0, 1000));
    const commit = (): Promise<void> => uncommitted.commit(key('object'), { signal: stop.signal });
    assertSame(await failureOf(commit, 'commit with an aborted signal'), stop.signal.reason, 'the error of commit');
    await uncommitted.abort();
    await assertAbsent(bench, key('object'), 'after an aborted commit');
  }),
];
