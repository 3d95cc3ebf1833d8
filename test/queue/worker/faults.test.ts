/** Real S3 servers that are down, busy, broken, silent, or do not know us. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { StorePath } from '../../../src/store-path.ts';
import { type Fate, type FaultyProxy, s3Answer, startProxy } from '../../backend/s3/proxy.ts';
import { listKeys, listOpenUploads } from '../../copy/bucket-contents.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, startS3Server } from '../../peers/s3-server.ts';
import { createWorkerPlace, isEvent, type WorkerPlace } from './worker-place.ts';

const impatient = { 'retry-attempts': '3', 'retry-delay': '10', 'retry-delay-rate-limited': '10', compression: 'none' };

describePeer('s3', 'a worker and a server', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let place: WorkerPlace;
  let bucket: string;
  let uri: string;
  let env: Record<string, string | undefined>;

  beforeAll(async () => {
    server = await startS3Server();
    env = { ...process.env };
    Object.assign(process.env, server.env);
  });
  afterAll(async () => {
    process.env = env;
    await server?.stop();
  });
  beforeEach(async () => {
    place = await createWorkerPlace();
    proxy = await startProxy(server.endpoint);
    bucket = await server.createBucket();
    uri = server.uri(bucket, { ...impatient, endpoint: proxy.endpoint });
  });
  afterEach(async () => {
    await proxy.stop();
    await place.remove();
  });

  /** A chain of paths, each with a leaf of its own. */
  async function addPaths(count: number): Promise<StorePath[]> {
    const paths: StorePath[] = [];
    for (let index = 0; index < count; index++) {
      const leaf = await place.source.add(`leaf-${index}`);
      paths.push(await place.source.add(`path-${index}`, [leaf, ...paths.slice(-1)]));
    }
    await place.publishSource();
    return paths;
  }

  async function expectAllThere(paths: readonly StorePath[]): Promise<void> {
    const narInfos = (await listKeys(server, bucket)).filter((key) => key.endsWith('.narinfo'));
    expect(narInfos).toHaveLength(2 * paths.length);
    expect(await listOpenUploads(server, bucket)).toEqual([]);
    expect(await place.spool.listRecordIds()).toEqual([]);
  }

  it('takes all to a server that was down, and spends no path’s attempts on it', async () => {
    const paths = await addPaths(20);
    let isDown = true;
    proxy.decide = () => (isDown ? { cut: 'before' } : undefined);
    for (const path of paths) await place.queue(path);
    const worker = place.start({ to: [uri, place.cache('other')], queue: 'attempts = 2\n' });
    await worker.until((event) => event.type === 'destination' && event.state === 'unreachable', 5);
    // The other destination has all of it meanwhile.
    await worker.until(isEvent('uploaded'), 20);
    expect(await place.narInfos('other')).toHaveLength(40);
    expect(await place.spool.listRecordIds()).toHaveLength(20);
    isDown = false;
    await worker.until(isEvent('uploaded'), 40);
    expect(await worker.stop()).toEqual({ uploaded: 40, parked: 0, waiting: 0 });
    await expectAllThere(paths);
  });

  it.each([
    ['answers 503 to half of all requests', 2, () => s3Answer(503, 'SlowDown')],
    ['resets a third of all connections', 3, (): Fate => ({ cut: 'before' })],
  ])('takes all to a server that %s', async (_title, share, fault) => {
    const paths = await addPaths(20);
    let requests = 0;
    proxy.decide = () => (++requests % share === 0 ? fault() : undefined);
    for (const path of paths) await place.queue(path);
    const result = await place.drain({ to: [uri], queue: 'attempts = 10\n' });
    expect(result).toMatchObject({ parked: 0, waiting: 0 });
    await expectAllThere(paths);
  });

  it('gives up on a server that never answers, and takes all when it does', async () => {
    const paths = await addPaths(20);
    let hangs = true;
    proxy.decide = () => (hangs ? { cut: 'hangs' } : undefined);
    for (const path of paths) await place.queue(path);
    const worker = place.start({ to: [uri], stallTimeoutMs: 1500 });
    await worker.until((event) => event.type === 'destination' && event.state === 'unreachable', 2);
    hangs = false;
    await worker.until(isEvent('uploaded'), 20);
    expect(await worker.stop()).toEqual({ uploaded: 20, parked: 0, waiting: 0 });
    await expectAllThere(paths);
  });

  it('pauses a destination that does not know us, until it does', async () => {
    const paths = await addPaths(10);
    let isStrange = true;
    proxy.decide = () => (isStrange ? s3Answer(403, 'InvalidAccessKeyId') : undefined);
    for (const path of paths) await place.queue(path);
    const worker = place.start({ to: [uri], queue: 'attempts = 1\n' });
    await worker.until((event) => event.type === 'destination' && event.state === 'paused', 3);
    expect(worker.events.filter((event) => event.type === 'parked' || event.type === 'retry')).toEqual([]);
    isStrange = false;
    await worker.until(isEvent('uploaded'), 10);
    await worker.stop();
    await expectAllThere(paths);
  });

  it('ends within its bound when the server hangs, and leaves nothing half', async () => {
    const path = await place.source.add('path', [], randomBytes(8_000_000).toString('base64'));
    await place.publishSource();
    await place.queue(path);
    proxy.decide = ({ method, path: url }) =>
      method === 'PUT' && url.includes('partNumber') ? { cut: 'hangs' } : undefined;
    const worker = place.start({ to: [uri], queue: 'shutdown-timeout = 2\n' });
    while (!proxy.seen.some(({ path: url }) => url.includes('partNumber')))
      await new Promise((resolve) => setTimeout(resolve, 10));
    const startMs = performance.now();
    expect(await worker.stop()).toMatchObject({ uploaded: 0 });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await listOpenUploads(server, bucket)).toEqual([]);
    expect(await place.spool.listRecordIds()).toHaveLength(1);
  });
});
