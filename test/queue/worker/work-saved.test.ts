/** What a worker does not do twice, and does not do in vain; counted by the server. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal, type PathProgress, writeCommand } from '../../../src/queue/index.ts';
import { type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { narOf } from '../../copy/sample-store.ts';
import { type CacheServer, startCacheServer } from './cache-server.ts';
import { createWorkerPlace, isEvent, type WorkerPlace } from './worker-place.ts';

const narInfoOf = (path: StorePath): string => `${storePathHashPart(path)}.narinfo`;

describe('a worker', () => {
  let place: WorkerPlace;
  let server: CacheServer;
  beforeEach(async () => {
    place = await createWorkerPlace();
    server = await startCacheServer();
  });
  afterEach(async () => {
    await server.close();
    await place.remove();
  });

  it('asks for each path of a closure once, and puts it once, however often it is queued', async () => {
    const paths: StorePath[] = [];
    for (let index = 0; index < 20; index++) paths.push(await place.source.add(`path-${index}`, paths.slice(-3)));
    await place.publishSource();
    for (const path of [...paths, ...paths, paths.at(-1)!]) await place.queue(path);
    const worker = place.start({ to: [server.uri] });
    await worker.until(isEvent('uploaded'), 20);
    for (const path of paths) {
      expect(server.count('GET', narInfoOf(path))).toBe(1);
      expect(server.count('PUT', narInfoOf(path))).toBe(1);
    }
    expect(server.count('PUT')).toBe(1 + 2 * 20);
    const before = [server.count('GET'), server.count('HEAD')];
    await place.queue(paths[3]!, paths[7]!);
    await worker.until(isEvent('present'), 2);
    expect([server.count('GET'), server.count('HEAD')]).toEqual(before);
    expect(await worker.stop()).toEqual({ uploaded: 20, parked: 0, waiting: 0 });
    expect(await place.spool.listRecordIds()).toEqual([]);
  });

  it('takes 999 paths while one can never succeed, with hardly a request more', async () => {
    const paths: StorePath[] = [];
    for (let index = 0; index < 1000; index++) paths.push(await place.source.add(`path-${index}`));
    await place.publishSource();
    const bad = paths[300]!;
    for (const path of paths) await place.queue(path);
    server.refuse = ({ method, url }) => (method === 'PUT' && url.includes(narInfoOf(bad)) ? 400 : undefined);
    const { events, ...result } = await place.drain({ to: [server.uri], queue: 'attempts = 5\n' });
    expect(result).toEqual({ uploaded: 999, parked: 1, waiting: 0 });
    expect(events.filter(isEvent('retry'))).toHaveLength(4);
    expect(events.filter(isEvent('retry', bad))).toHaveLength(4);
    // What the others take, and four times more what one takes.
    expect(server.count('PUT')).toBeLessThanOrEqual(1 + 2 * 1000 + 2 * 4);
    expect(server.count('GET')).toBeLessThanOrEqual(1 + 1000 + 4);
    expect(await place.spool.listRecordIds()).toHaveLength(1);
  });

  it('parks at once what no waiting helps, and tries it when somebody says so', async () => {
    const path = await place.source.add('path');
    const good = await place.source.add('good');
    await place.publishSource();
    server.refuse = ({ method, url }) => (method === 'PUT' && url.includes(narInfoOf(path)) ? 413 : undefined);
    await place.queue(path, good);
    const worker = place.start({ to: [server.uri] });
    await worker.until(isEvent('parked', path));
    await worker.until(isEvent('uploaded', good));
    expect(worker.events.filter(isEvent('retry'))).toEqual([]);
    await worker.stop();
    const again = place.start({ to: [server.uri] });
    await again.until(isEvent('idle'));
    expect(again.events.filter(isEvent('uploading'))).toEqual([]);
    server.refuse = () => undefined;
    await writeCommand(place.spool.directory, { command: 'retry', paths: 'parked' });
    await again.until(isEvent('uploaded', path));
    expect(await again.stop()).toEqual({ uploaded: 1, parked: 0, waiting: 0 });
    expect(await place.spool.listRecordIds()).toEqual([]);
  });

  it('parks what alone breaks every connection, at a destination that has nothing else to take', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    server.refuse = ({ method, url }) => (method === 'PUT' && url.includes('nar/') ? 500 : undefined);
    await place.queue(path);
    const result = await place.drain({ to: [server.uri], queue: 'attempts = 4\n' });
    expect(result).toMatchObject({ uploaded: 0, parked: 1, waiting: 0 });
    expect(result.events.filter(isEvent('retry', path))).toHaveLength(3);
  });

  it('does nothing for a destination that somebody paused, until somebody resumes it', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    const worker = place.start({ to: [server.uri, place.cache('other')] });
    await worker.until(isEvent('idle'));
    await writeCommand(place.spool.directory, { command: 'pause', destination: server.uri });
    await worker.until((event) => event.type === 'destination' && event.state === 'paused');
    await place.queue(path);
    await worker.until(isEvent('uploaded', path));
    expect(server.count('PUT')).toBe(0);
    await writeCommand(place.spool.directory, { command: 'resume', destination: server.uri });
    await worker.until(isEvent('uploaded', path), 2);
    await worker.stop();
  });

  it('drops what somebody does not want, and takes it when it is queued again', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    server.refuse = () => 500;
    await place.queue(path);
    const worker = place.start({ to: [server.uri] });
    await worker.until((event) => event.type === 'destination' && event.state === 'unreachable', 2);
    await writeCommand(place.spool.directory, { command: 'drop', paths: [path] });
    while ((await place.spool.listRecordIds()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    server.refuse = () => undefined;
    await place.queue(path);
    await worker.until(isEvent('uploaded', path));
    await worker.stop();
  });

  it('is not held up by a clock that was set back, nor by what it wrote down before', async () => {
    const path = await place.source.add('path');
    const other = await place.source.add('other');
    await place.publishSource();
    await place.queue(path);
    const journal = await openJournal(place.spool.directory);
    const inTenYearsMs = Date.now() + 10 * 365 * 24 * 60 * 60 * 1000;
    const progress: PathProgress = {
      path,
      destination: server.uri,
      progress: 'waiting',
      attempts: 3,
      sinceMs: inTenYearsMs,
    };
    journal.set({ ...progress, nextAttemptMs: inTenYearsMs });
    journal.set({ ...progress, path: other, progress: 'done' });
    await journal.close();
    const worker = place.start({ to: [server.uri] });
    await worker.until(isEvent('uploaded', path));
    await place.queue(other);
    await worker.until(isEvent('uploaded', other));
    await worker.stop();
  });

  it('leaves the source’s own trouble to the source: a path that changed on disk is parked, the others arrive', async () => {
    const bad = await place.source.add('bad');
    const referrer = await place.source.add('referrer', [bad]);
    const good = await place.source.add('good');
    await place.publishSource();
    const nars = `${place.directory}/source/nar`;
    const nar = Buffer.from(await narOf('contents of bad'));
    for (const name of await readdir(nars))
      if ((await readFile(`${nars}/${name}`)).equals(nar))
        await writeFile(`${nars}/${name}`, await narOf('contents of BAD'));
    await place.queue(bad, referrer, good);
    const { events, ...result } = await place.drain({ to: [server.uri], queue: 'attempts = 2\n' });
    expect(result).toMatchObject({ uploaded: 1, parked: 2 });
    expect(events.filter(isEvent('uploaded', good))).toHaveLength(1);
    expect(server.objects.has(`/${narInfoOf(bad)}`)).toBe(false);
    expect(server.objects.has(`/${narInfoOf(referrer)}`)).toBe(false);
  });
});
