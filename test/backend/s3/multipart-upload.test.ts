import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Content } from '../../../src/backend/backend.ts';
import { sampleBytes, sampleContent } from '../../../src/backend/conformance/sample.ts';
import { createS3Backend, type S3Backend, type S3BackendOptions } from '../../../src/backend/s3/index.ts';
import { choosePartSize } from '../../../src/backend/s3/multipart-upload.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, s3Keys, startS3Server } from '../../peers/s3-server.ts';
import { readAll } from '../read-all.ts';
import { type FaultyProxy, type SeenRequest, s3Answer, startProxy } from './proxy.ts';

const MiB = 1024 * 1024;
const partSize = 5 * MiB;

describePeer('s3', 'multipart upload to a real server', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let bucket: string;
  let backend: S3Backend;
  const open = (options: Partial<S3BackendOptions> = {}): S3Backend =>
    createS3Backend({
      bucket,
      endpoint: proxy.endpoint,
      credentials: s3Keys.tester,
      multipartChunkSize: partSize,
      retry: { attempts: 20, delayMs: 1, rateLimitedDelayMs: 1, maximumDelayMs: 20 },
      ...options,
    });

  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startProxy(server.endpoint);
  });
  beforeEach(async () => {
    proxy.decide = () => undefined;
    proxy.seen.length = 0;
    bucket = await server.createBucket();
    backend = open();
  });
  afterEach(() => backend.close());
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  /** Parts of uploads to this key, where Swift keeps those of a bucket; of objects as well as of what never became one. */
  const partsOf = async (key: string): Promise<number> => {
    const auth = { 'x-auth-user': s3Keys.tester.accessKeyId, 'x-auth-key': s3Keys.tester.secretAccessKey };
    const { headers } = await fetch(`${server.endpoint}/auth/v1.0`, { headers: auth });
    const container = `${headers.get('x-storage-url')}/${bucket}+segments?prefix=${key}`;
    const answer = await fetch(container, { headers: { 'x-auth-token': headers.get('x-auth-token')! } });
    expect([200, 204]).toContain(answer.status);
    return (await answer.text()).split('\n').length - 1;
  };
  const openUploads = async (): Promise<unknown[]> => {
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads;
  };
  const expectNothingLeft = async (key: string): Promise<void> => {
    expect(await openUploads()).toEqual([]);
    expect(await partsOf(key)).toBe(0);
    expect(await backend.head(key)).toBeUndefined();
  };
  const expectObject = async (key: string, size: number): Promise<void> => {
    const bytes = await readAll((await backend.get(key))!.body);
    expect(bytes.length).toBe(size);
    expect(Buffer.compare(bytes, sampleBytes(0, size))).toBe(0);
  };
  const isPart = (request: SeenRequest, number?: number): boolean =>
    request.method === 'PUT' && request.path.includes(`partNumber=${number ?? ''}`);
  const isCreate = ({ method, path }: SeenRequest): boolean => method === 'POST' && path.includes('?uploads');
  const isComplete = ({ method, path }: SeenRequest): boolean => method === 'POST' && path.includes('uploadId=');

  it('puts 64 MiB in parts side by side, with what the object is to be', async () => {
    const size = 64 * MiB + 12_345;
    await backend.put('nar/large.nar', sampleContent(size, 1_000_003), {
      contentType: 'application/x-nix-nar',
      contentEncoding: 'zstd',
    });
    expect(proxy.seen.filter((request) => isPart(request)).length).toBe(Math.ceil(size / partSize));
    expect(proxy.mostAtOnce()).toBe(4);
    for (const { headers } of proxy.seen.filter((request) => isPart(request)))
      expect(headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    await expectObject('nar/large.nar', size);
    const head = await server.client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'nar/large.nar' }));
    expect(await partsOf('nar/large.nar')).toBe(13);
    expect(head).toMatchObject({ ContentType: 'application/x-nix-nar', ContentEncoding: 'zstd', ContentLength: size });
    expect(await openUploads()).toEqual([]);
  });

  it('goes through a server that answers half of all requests with 503 and cuts off others', async () => {
    const random = createRandom(7);
    proxy.decide = () => {
      const fate = random();
      if (fate < 0.5) return s3Answer(503, 'SlowDown');
      return fate < 0.6 ? { cut: 'before' } : fate < 0.7 ? { cut: 0 } : undefined;
    };
    await backend.put('flaky', sampleContent(22 * MiB));
    expect((await backend.head('flaky'))!.size).toBe(22 * MiB);
    proxy.decide = () => undefined;
    await expectObject('flaky', 22 * MiB);
    expect(await openUploads()).toEqual([]);
  });

  it('does not give up for one part while others get through', async () => {
    // Of two tries each, the parts 3, 4 and 5 arrive between the first and the second of part 2.
    const tried = Array.from({ length: 8 }, createGate);
    const arrived = Array.from({ length: 6 }, createGate);
    let tries = 0;
    proxy.decide = (request) => {
      for (const part of [3, 4, 5])
        if (isPart(request, part)) return { hold: tried[2 * part - 5]!.passed, answered: arrived[part]!.open };
      if (!isPart(request, 2)) return undefined;
      tried[++tries]!.open();
      if (tries > 6) return undefined;
      const hold = tries % 2 === 1 ? undefined : arrived[tries / 2 + 2]!.passed.then(() => sleep(50));
      return { ...s3Answer(500, 'InternalError'), ...(hold && { hold }) };
    };
    const twoTries = open({ retry: { attempts: 2, delayMs: 1 } });
    await twoTries.put('unlucky', sampleContent(22 * MiB));
    expect(tries).toBe(7);
    await expectObject('unlucky', 22 * MiB);

    proxy.decide = (request) => (isPart(request, 2) ? s3Answer(500, 'InternalError') : undefined);
    await expect(twoTries.put('fails', sampleContent(22 * MiB))).rejects.toMatchObject({ status: 500 });
    proxy.decide = () => undefined;
    await expectNothingLeft('fails');
  });

  it('goes through a server that is killed in the middle and comes back', async () => {
    let killed: Promise<void> | undefined;
    proxy.decide = (request) => {
      if (isPart(request, 5))
        killed ??= server
          .kill()
          .then(() => sleep(300))
          .then(() => server.start());
      return undefined;
    };
    await open({ retry: { attempts: 40, delayMs: 200, maximumDelayMs: 500 } }).put('killed', sampleContent(32 * MiB));
    expect(killed).toBeDefined();
    await killed;
    await expectObject('killed', 32 * MiB);
    expect(await openUploads()).toEqual([]);
  });

  it('leaves nothing when the server is away for longer than it is tried', async () => {
    let restarted: Promise<void> | undefined;
    proxy.decide = (request) => {
      if (isPart(request, 3))
        restarted ??= server
          .kill()
          .then(() => sleep(1500))
          .then(() => server.start());
      return undefined;
    };
    const impatient = open({ retry: { attempts: 2, delayMs: 1 } });
    await expect(impatient.put('fails', sampleContent(22 * MiB))).rejects.toMatchObject({
      code: 'backend-unreachable',
    });
    await restarted;
    await expectNothingLeft('fails');
  });

  it('leaves nothing when a part is refused', async () => {
    proxy.decide = (request) => (isPart(request, 3) ? s3Answer(403, 'AccessDenied') : undefined);
    await expect(backend.put('fails', sampleContent(22 * MiB))).rejects.toMatchObject({
      code: 'backend-denied',
      status: 403,
    });
    await expectNothingLeft('fails');
  });

  it('leaves nothing when the content fails, and says what it said', async () => {
    const failure = new Error('the disk is gone');
    const content: Content = {
      size: 22 * MiB,
      async *open(range) {
        yield* sampleContent(22 * MiB).open({ offset: range!.offset, length: 100 });
        if (range!.offset >= 4 * partSize) throw failure;
        yield* sampleContent(22 * MiB).open({ offset: range!.offset + 100, length: range!.length! - 100 });
      },
    };
    await expect(backend.put('fails', content)).rejects.toBe(failure);
    proxy.decide = () => undefined;
    await expectNothingLeft('fails');
  });

  it.each([
    ['before the upload has an id', isCreate],
    ['while parts are on their way', (request: SeenRequest) => isPart(request, 3)],
    ['while the upload is completed', isComplete],
  ])('leaves nothing when it is aborted %s', async (_when, isMoment) => {
    const stop = new AbortController();

    proxy.decide = (request) => {
      if (isMoment(request)) stop.abort(new Error('stopped'));
      return undefined;
    };
    await expect(backend.put('fails', sampleContent(22 * MiB), { signal: stop.signal })).rejects.toThrow('stopped');
    await sleep(100);
    proxy.decide = () => undefined;
    expect(await openUploads()).toEqual([]);
    // S3 may have completed what it was asked to complete just before.
    if (isMoment !== isComplete) await expectNothingLeft('fails');
  });

  it('finds the upload whose id it never heard', async () => {
    let creations = 0;
    proxy.decide = (request) => (isCreate(request) && ++creations < 3 ? { cut: 0 } : undefined);
    await backend.put('unheard', sampleContent(12 * MiB));
    expect(creations).toBe(3);
    expect(await openUploads()).toEqual([]);
    await expectObject('unheard', 12 * MiB);

    proxy.decide = (request) => (isCreate(request) ? { cut: 0 } : undefined);
    const fewTries = open({ retry: { attempts: 2, delayMs: 1 } });
    await expect(fewTries.put('fails', sampleContent(12 * MiB))).rejects.toMatchObject({ code: 'backend-unreachable' });
    proxy.decide = () => undefined;
    await expectNothingLeft('fails');
  });

  it('takes an error in a 200 for an error, and tries again', async () => {
    let completions = 0;
    const { answer } = s3Answer(200, 'InternalError');
    proxy.decide = (request) => (isComplete(request) && ++completions < 3 ? { answer: answer! } : undefined);
    await backend.put('late', sampleContent(12 * MiB));
    expect(completions).toBe(3);
    await expectObject('late', 12 * MiB);

    proxy.decide = (request) => (isComplete(request) ? { answer: answer! } : undefined);
    await expect(backend.put('fails', sampleContent(12 * MiB))).rejects.toThrow(/InternalError/);
    proxy.decide = () => undefined;
    await expectNothingLeft('fails');
  });

  it('takes a 200 without anything in it for no success', async () => {
    const answer = { status: 200, body: '<?xml version="1.0" encoding="UTF-8"?>\n<CompleteMultipartUploadResult/>' };
    proxy.decide = (request) => (isComplete(request) ? { answer } : undefined);
    await expect(backend.put('fails', sampleContent(12 * MiB))).rejects.toMatchObject({ code: 'backend-response' });
    proxy.decide = () => undefined;
    await expectNothingLeft('fails');
  });

  it('begins again when the completed upload could not say so', async () => {
    let completions = 0;
    proxy.decide = (request) => (isComplete(request) && ++completions === 1 ? { cut: 0 } : undefined);
    await backend.put('silent', sampleContent(12 * MiB));
    await expectObject('silent', 12 * MiB);
    expect(await openUploads()).toEqual([]);
  });

  it('sends a part again that was damaged on its way', async () => {
    let damaged = 0;
    proxy.decide = (request) => ({ corrupt: isPart(request, 2) && ++damaged === 1 });
    await backend.put('damaged', sampleContent(12 * MiB));
    expect(damaged).toBe(2);
    await expectObject('damaged', 12 * MiB);
  });

  it('streams parts too large for a buffer', async () => {
    proxy.decide = ({ number }) => (number % 3 === 0 ? { cut: 'before' } : undefined);
    await open({ multipartChunkSize: 20 * MiB }).put('wide', sampleContent(50 * MiB));
    await expectObject('wide', 50 * MiB);
  });

  it('puts side by side without waiting for itself', async () => {
    const keys = [...Array(6).keys()].map((number) => `nar/${number}`);
    await Promise.all(keys.map((key) => backend.put(key, sampleContent(21 * MiB))));
    for (const key of keys) expect((await backend.head(key))!.size).toBe(21 * MiB);
  });
});

describe('choosePartSize', () => {
  it('keeps the parts few', () => {
    const GiB = 1024 * MiB;
    expect(choosePartSize(20 * MiB)).toBe(8 * MiB);
    expect(choosePartSize(20 * MiB, partSize)).toBe(partSize);
    expect(Math.ceil((40 * GiB) / choosePartSize(40 * GiB))).toBeLessThanOrEqual(1000);
    expect(choosePartSize(200 * GiB)).toBe(64 * MiB);
    for (const wanted of [undefined, partSize])
      expect(Math.ceil((5 * 1024 * GiB) / choosePartSize(5 * 1024 * GiB, wanted))).toBeLessThanOrEqual(10_000);
  });
});

/** Something to wait for until somebody opens it. */
function createGate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
