/** A worker whose queue is full, read-only, or has garbage in it; and one whose clock is set back. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { destinationName, openSpool, type Spool, sendCommand } from '../../../src/queue/index.ts';
import { formatStorePath, type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { samplePath } from '../../copy/sample-store.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, startS3Server } from '../../peers/s3-server.ts';
import { createWorkerPlace, isEvent, type RunningWorker, type WorkerPlace } from '../worker/worker-place.ts';

let place: WorkerPlace;
let worker: RunningWorker | undefined;
beforeEach(async () => {
  place = await createWorkerPlace();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await place.remove();
});

const warnings = ({ events }: RunningWorker): string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(50);
}

describe('a worker goes on', () => {
  it('where something in the folder of commands is none, and cannot be read', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    worker = place.start({ to: [place.cache('one')] });
    await worker.until(isEvent('idle'));
    const commands = join(place.spool.directory, 'commands');
    await mkdir(join(commands, '0.json', 'folder'), { recursive: true });
    await writeFile(join(commands, '1.json'), 'garbage');
    await place.queue(path);
    await worker.until(isEvent('uploaded', path));
    await worker.until(isEvent('warning'), 2);
    expect(warnings(worker)).toEqual([
      expect.stringMatching(/0\.json' cannot be read: EISDIR/),
      expect.stringMatching(/^this is no command of the queue: /),
    ]);
    expect(await readdir(commands)).toEqual([]);
  });

  it('where records are cut short while it runs, and puts them aside', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    worker = place.start({ to: [place.cache('one')] });
    await worker.until(isEvent('idle'));
    const incoming = join(place.spool.directory, 'incoming');
    for (const [index, text] of ['', '{"version":1,"ti', '\u0000'.repeat(100), '[]'].entries())
      await writeFile(join(incoming, `${Date.now()}-1-1-${index}.json`), text);
    await place.queue(path);
    await worker.until(isEvent('uploaded', path));
    await worker.until(isEvent('damaged'), 4);
    await until(async () => (await readdir(incoming)).length === 0);
    expect(await readdir(join(place.spool.directory, 'damaged'))).toHaveLength(4);
  });

  it('where a record cannot be read for a while, and takes it then', async () => {
    const paths = [await place.source.add('first'), await place.source.add('second'), await place.source.add('third')];
    await place.publishSource();
    let unreadable = await place.queue(paths[0]!);
    await place.queue(paths[1]!);
    const { readRecord } = place.spool;
    Object.assign(place.spool, { readRecord: read });
    async function read(id: string): ReturnType<typeof readRecord> {
      if (id === unreadable) throw new Error(`'${id}' cannot be read now`);
      return readRecord(id);
    }
    worker = place.start({ to: [place.cache('one'), place.cache('two')] });
    await worker.until(isEvent('uploaded', paths[1]), 2);
    await place.queue(paths[2]!);
    await worker.until(isEvent('uploaded', paths[2]), 2);
    expect(warnings(worker)).toEqual([expect.stringContaining('cannot be read now')]);
    unreadable = '';
    await worker.until(isEvent('uploaded', paths[0]), 2);
    await until(async () => (await place.spool.listRecordIds()).length === 0);
  });
});

describe('records that share paths', () => {
  it('go, each when all of its own are there', async () => {
    const shared = await place.source.add('shared');
    const paths: StorePath[] = [];
    for (let index = 0; index < 10; index++) paths.push(await place.source.add(`path-${index}`));
    await place.publishSource();
    for (const path of paths) await place.queue(path, shared, samplePath('gone'));
    worker = place.start({ to: [place.cache('one'), place.cache('two')] });
    await until(async () => (await place.spool.listRecordIds()).length === 0);
    for (const path of [...paths, shared]) expect(worker.events.filter(isEvent('uploaded', path))).toHaveLength(2);
  });

  it('go, though one of them waits for another path for long', async () => {
    const shared = await place.source.add('shared');
    const slow = await place.source.add('slow', [], 'x'.repeat(1000));
    await place.publishSource();
    const narFiles = await readdir(join(place.directory, 'source/nar'));
    const hidden = join(place.directory, 'hidden');
    const slowNar = await largestOf(narFiles);
    await rename(slowNar, hidden);
    await place.queue(slow, shared);
    const queue = 'retry-delay = 0.01\nretry-delay-maximum = 0.1\nattempts = 1000\n';
    worker = place.start({ to: [place.cache('one'), place.cache('two')], queue });
    await worker.until(isEvent('uploaded', shared), 2);
    await place.queue(shared);
    await worker.until(isEvent('present', shared), 2);
    await rename(hidden, slowNar);
    await until(async () => (await place.spool.listRecordIds()).length === 0);
  });

  async function largestOf(names: readonly string[]): Promise<string> {
    const files = names.map((name) => join(place.directory, 'source/nar', name));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return files[sizes.indexOf(Math.max(...sizes))]!;
  }
});

describe('records of a clock that was set back since', () => {
  const dayMs = 86_400_000;

  async function writeRecord(path: StorePath, timeMs: number): Promise<void> {
    const record = { version: 1, time: timeMs, storeDir: '/nix/store', paths: [formatStorePath(path)] };
    await writeFile(join(place.spool.directory, 'incoming', `${timeMs}-1-1-0.json`), JSON.stringify(record));
  }

  it('go when their paths are there, or gone', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    await writeRecord(path, Date.now() + dayMs);
    await writeRecord(samplePath('gone'), Date.now() + 2 * dayMs);
    const { uploaded, waiting } = await place.drain({ to: [place.cache('one'), place.cache('two')] });
    expect([uploaded, waiting]).toEqual([2, 0]);
    expect(await place.spool.listRecordIds()).toEqual([]);
  });

  it('go when their paths are dropped', async () => {
    await writeRecord(samplePath('path'), Date.now() + dayMs);
    const to = place.cache('one');
    expect(await sendCommand(place.spool, [destinationName(to)], { command: 'drop', paths: 'all' })).toMatchObject({
      changed: 1,
    });
    const { events } = await place.drain({ to: [to] });
    expect(events.filter(isEvent('gone'))).toEqual([]);
    expect(await place.spool.listRecordIds()).toEqual([]);
  });
});

describePeer(['root', 's3'], 'a worker on a disk', () => {
  let server: S3Server;
  let spool: Spool;
  const env = { ...process.env };
  beforeEach(async () => {
    server = await startS3Server();
    Object.assign(process.env, server.env);
    const { directory } = place.spool;
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
    spool = await openSpool(directory, { create: true, gcRootsDirectory: false });
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    execFileSync('umount', [spool.directory]);
    process.env = env;
    await server.stop();
  });

  const remount = (how: 'ro' | 'rw'): void =>
    void execFileSync('mount', ['-o', `remount,${how}`, spool.directory], { stdio: 'ignore' });
  const isDone = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch {
      return false;
    }
  };
  const isEmpty = async (): Promise<boolean> => (await spool.listRecordIds()).length === 0;

  it('that is full goes on, says so once, and takes notes when there is room', async () => {
    const paths: StorePath[] = [];
    for (let index = 0; index < 6; index++) {
      const size = index % 3 === 0 ? 8_000_000 : 100;
      paths.push(await place.source.add(`path-${index}`, [], randomBytes(size >> 1).toString('hex')));
    }
    await place.publishSource();
    const bucket = await server.createBucket();
    for (const path of paths) await place.queue(path, samplePath('gone'));
    const filler = join(spool.directory, 'filler');
    await writeFile(filler, Buffer.alloc(2 ** 20)).catch(() => {});

    worker = place.start({ to: [server.uri(bucket, { compression: 'none' }), place.cache('one')] });
    for (const path of paths) await worker.until(isEvent('uploaded', path), 2);
    await until(isEmpty);
    expect(worker.events.filter(({ type }) => type === 'retry' || type === 'parked')).toEqual([]);
    expect(warnings(worker).length).toBeGreaterThan(0);
    expect(warnings(worker).length).toBeLessThan(10);
    for (const message of warnings(worker)) expect(message).toMatch(/^the queue cannot take notes: ENOSPC/);

    await rm(filler);
    await place.queue(paths[0]!, samplePath('never'));
    await until(isEmpty);
    expect(await worker.stop()).toMatchObject({ parked: 0, waiting: 0 });
    expect((await readdir(spool.directory)).sort()).toEqual([
      ...['commands', 'damaged', 'incoming', 'journal.jsonl', 'lock', 'tmp'],
    ]);
  });

  it('that becomes read-only takes what waits, and removes it when it may', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    await writeFile(join(place.directory, 'one'), 'no directory');
    worker = place.start({ to: [place.cache('one')] });
    await place.queue(path);
    await worker.until(isEvent('destination'));
    // Not while the worker has a file there open to write.
    await until(async () => isDone(() => remount('ro')));
    await rm(join(place.directory, 'one'));
    await worker.until(isEvent('uploaded', path));
    await worker.until(
      (event) => event.type === 'warning' && event.message.startsWith('records that are done cannot be removed'),
    );
    expect(await isEmpty()).toBe(false);
    expect(warnings(worker).length).toBeLessThan(5);
    remount('rw');
    await until(isEmpty);
  });

  it('that is read-only from the start takes what waits, though something there is damaged', async () => {
    const paths = [await place.source.add('first'), await place.source.add('second')];
    await place.publishSource();
    for (const path of paths) await place.queue(path);
    await writeFile(join(spool.directory, 'incoming', `${Date.now()}-1-1-0.json`), 'garbage');
    remount('ro');
    worker = place.start({ to: [place.cache('one')] });
    for (const path of paths) await worker.until(isEvent('uploaded', path));
    remount('rw');
    await worker.until(isEvent('damaged'));
    await until(isEmpty);
    for (const message of warnings(worker)) expect(message).toContain('EROFS');
    expect(await place.narInfos('one')).toEqual(paths.map((path) => `${storePathHashPart(path)}.narinfo`).sort());
  });
});
