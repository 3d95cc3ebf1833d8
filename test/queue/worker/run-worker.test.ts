import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { samplePath } from '../../copy/sample-store.ts';
import { createWorkerPlace, isEvent, type WorkerPlace } from './worker-place.ts';

const narInfosOf = (...paths: StorePath[]): string[] =>
  paths.map((path) => `${storePathHashPart(path)}.narinfo`).sort();

describe('a worker', () => {
  let place: WorkerPlace;
  beforeEach(async () => {
    place = await createWorkerPlace();
  });
  afterEach(() => place.remove());

  it('takes what waits to every destination, with its closure, and leaves nothing in the queue', async () => {
    const leaf = await place.source.add('leaf');
    const top = await place.source.add('top', [leaf]);
    await place.publishSource();
    await place.queue(top);
    const result = await place.drain({ to: [place.cache('one'), place.cache('two')] });
    expect(result).toMatchObject({ uploaded: 2, parked: 0, waiting: 0 });
    for (const cache of ['one', 'two']) expect(await place.narInfos(cache)).toEqual(narInfosOf(leaf, top));
    expect(await place.spool.listRecordIds()).toEqual([]);
    expect(await readdir(place.spool.directory)).not.toContain('under-way.json');
    expect(result.events.map(({ type }) => type)).toEqual([
      'started',
      ...['uploading', 'uploading', 'uploaded', 'uploaded'],
      'idle',
      'stopping',
      'stopped',
    ]);
  });

  it('takes what comes while it runs', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    const worker = place.start({ to: [place.cache('one')] });
    await worker.until(isEvent('idle'));
    await place.queue(path);
    await worker.until(isEvent('uploaded', path));
    expect(await worker.stop()).toEqual({ uploaded: 1, parked: 0, waiting: 0 });
    expect(worker.events.filter(isEvent('queued', path))).toHaveLength(1);
    expect(await place.narInfos('one')).toEqual(narInfosOf(path));
  });

  it('says once that a path is gone, and takes the others', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    const gone = samplePath('gone');
    await place.queue(gone, path);
    await place.queue(gone);
    const { events, ...result } = await place.drain({ to: [place.cache('one'), place.cache('two')] });
    expect(result).toEqual({ uploaded: 2, parked: 0, waiting: 0 });
    expect(events.filter(isEvent('gone', gone))).toHaveLength(1);
    expect(await place.spool.listRecordIds()).toEqual([]);
  });
});
