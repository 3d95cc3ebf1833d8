import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { sampleBytes, sampleContent } from '../../../src/backend/conformance/sample.ts';
import { createS3Backend, type S3Backend } from '../../../src/backend/s3/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, s3Keys, startS3Server } from '../../peers/s3-server.ts';
import { readAll } from '../read-all.ts';
import { type FaultyProxy, s3Answer, startProxy } from './proxy.ts';

const size = 3_000_000;

describePeer('s3', 'reading from a real S3 server over a bad line', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let backend: S3Backend;
  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startProxy(server.endpoint);
    backend = createS3Backend({
      bucket: await server.createBucket(),
      endpoint: proxy.endpoint,
      credentials: s3Keys.tester,
      retry: { attempts: 3, delayMs: 1, rateLimitedDelayMs: 1 },
    });
  });
  beforeEach(async () => {
    await backend.put('large', sampleContent(size));
    proxy.seen.length = 0;
  });
  afterEach(() => {
    proxy.decide = () => undefined;
  });
  afterAll(async () => {
    await backend.close();
    await proxy.stop();
    await server.stop();
  });

  it('goes on where the connection broke, as long as bytes come', async () => {
    proxy.decide = () => ({ cut: 400_000 });
    expect(Buffer.compare(await readAll((await backend.get('large'))!.body), sampleBytes(0, size))).toBe(0);
    expect(proxy.seen.length).toBe(8);
    for (const { headers } of proxy.seen.slice(1)) {
      expect(headers.range).toMatch(/^bytes=\d+-2999999$/);
      expect(headers['if-match']).toBeDefined();
    }
    const part = await backend.get('large', { range: { offset: 1_000_000, length: 1_000_000 } });
    expect(Buffer.compare(await readAll(part!.body), sampleBytes(1_000_000, 2_000_000))).toBe(0);
  });

  it('gives up when no bytes come', async () => {
    proxy.decide = ({ number }) => (number === 1 ? { cut: 400_000 } : { cut: 0 });
    const object = await backend.get('large');
    await expect(readAll(object!.body)).rejects.toMatchObject({ code: 'backend-unreachable', key: 'large' });
    expect(proxy.seen.length).toBe(4);
  });

  it('does not go on with another object', async () => {
    proxy.decide = ({ number }) => (number === 1 ? { cut: 400_000 } : undefined);
    const cut = await backend.get('large');
    await backend.put('large', sampleBytes(5, size + 5));
    await expect(readAll(cut!.body)).rejects.toThrow(/was replaced while it was read/);
  });

  it('ends when a body stalls for too long', async () => {
    const stalling = await startProxy(server.endpoint);
    stalling.decide = ({ number }) => (number < 3 ? { stallAfter: 400_000 } : undefined);
    const slow = createS3Backend({
      bucket: 'bucket-1',
      endpoint: stalling.endpoint,
      credentials: s3Keys.tester,
      stallTimeoutMs: 1500,
    });
    expect(Buffer.compare(await readAll((await slow.get('large'))!.body), sampleBytes(0, size))).toBe(0);
    expect(stalling.seen.length).toBe(3);
    await slow.close();
    await stalling.stop();
  });

  it('takes the connection back of who does not read, and gives it to who reads late', async () => {
    const object = await backend.get('large');
    await sleep(1500);
    expect(proxy.seen.length).toBe(1);
    expect(Buffer.compare(await readAll(object!.body), sampleBytes(0, size))).toBe(0);
    expect(proxy.seen.length).toBe(2);
  });

  it('refuses a part that was not asked for', async () => {
    proxy.decide = () => ({
      answer: { status: 206, headers: { 'content-range': 'bytes 7-9/10', 'content-length': '3' }, body: 'abc' },
    });
    const part = backend.get('large', { range: { offset: 1, length: 3 } });
    await expect(part).rejects.toMatchObject({ code: 'backend-response' });
    proxy.decide = () => ({ answer: { status: 200, headers: { 'content-length': '3' }, body: 'abc' } });
    await expect(backend.get('large', { range: { offset: 1, length: 3 } })).rejects.toMatchObject({
      code: 'backend-response',
    });
  });

  it('reads narinfos through a server that is throttling', async () => {
    await backend.put('a.narinfo', sampleBytes(0, 700));
    proxy.seen.length = 0;
    proxy.decide = ({ number }) => (number < 3 ? s3Answer(503, 'SlowDown') : undefined);
    expect((await readAll((await backend.get('a.narinfo'))!.body)).length).toBe(700);
  });
});
