import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleBytes, sampleContent } from '../../../src/backend/conformance/sample.ts';
import { createS3Backend, type S3Backend, type S3BackendOptions } from '../../../src/backend/s3/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, s3Keys, startS3Server } from '../../peers/s3-server.ts';
import { readAll } from '../read-all.ts';
import { type FaultyProxy, startProxy } from './proxy.ts';

const MiB = 1024 * 1024;

describePeer('s3', 'S3 backend and the SDK on a real server', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let bucket: string;
  let backend: S3Backend;
  const open = (options: Partial<S3BackendOptions> = {}): S3Backend =>
    createS3Backend({
      bucket,
      endpoint: proxy.endpoint,
      credentials: s3Keys.tester,
      retry: { attempts: 5, delayMs: 1, rateLimitedDelayMs: 1 },
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
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  it('puts what the SDK gets, under the prefix', async () => {
    await open({ prefix: 'a/b c' }).put('x.narinfo', sampleBytes(0, 100), {
      contentType: 'text/x-nix-narinfo',
      contentEncoding: 'br',
    });
    const object = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/b c/x.narinfo' }));
    expect(object).toMatchObject({ ContentType: 'text/x-nix-narinfo', ContentEncoding: 'br' });
    expect(await object.Body!.transformToByteArray()).toEqual(sampleBytes(0, 100));
    expect(await backend.get('x.narinfo')).toBeUndefined();
    expect((await backend.get('a/b c/x.narinfo'))!.contentEncoding).toBe('br');
  });

  it('gets what the SDK put, whatever its checksum and framing', async () => {
    for (const [ChecksumAlgorithm, ContentEncoding] of [
      [undefined],
      ['CRC32'],
      ['SHA256'],
      ['CRC32', 'gzip,aws-chunked'],
    ] as const) {
      const about = { Bucket: bucket, Key: 'key', Body: sampleBytes(0, 300_000), ChecksumAlgorithm, ContentEncoding };
      await server.client.send(new PutObjectCommand(about));
      const object = await backend.get('key');
      expect(object!.contentEncoding).toBe(ContentEncoding && 'gzip');
      expect(Buffer.compare(await readAll(object!.body), sampleBytes(0, 300_000))).toBe(0);
    }
  });

  it('lists page after page, and leaves out what is no key', async () => {
    const keys = [...Array(250).keys()].map((number) => `nar/${String(number).padStart(3, '0')} +%&<ü>.nar`);
    await Promise.all(keys.map((key) => backend.put(key, sampleBytes(0, 1))));
    for (const Key of ['nar/', 'nar//x', 'a\nb'])
      await server.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'folder' })).catch(() => undefined);
    proxy.seen.length = 0;
    const listed: string[] = [];
    for await (const { key } of backend.list('nar/')) listed.push(key);
    expect(listed).toEqual(keys);
    expect(proxy.seen.length).toBe(3);
  });

  it('refuses pages that lead nowhere', async () => {
    const page = (more: string): string =>
      `<ListBucketResult><IsTruncated>true</IsTruncated>${more}<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>`;
    for (const body of [page(''), page('<NextContinuationToken>same</NextContinuationToken>')]) {
      proxy.decide = () => ({ answer: { status: 200, body } });
      const all = async (): Promise<void> => {
        for await (const _entry of backend.list(''));
      };
      await expect(all()).rejects.toMatchObject({ code: 'backend-response' });
    }
  });

  it('puts large objects in one piece when told so, hashed beforehand and streamed', async () => {
    const whole = open({ multipartUpload: false });
    let cuts = 0;
    proxy.decide = ({ method }) => (method === 'PUT' && ++cuts === 1 ? { cut: 'before' } : { corrupt: cuts === 2 });
    await whole.put('nar/large.nar', sampleContent(40 * MiB, 700_001));
    const puts = proxy.seen.filter(({ method }) => method === 'PUT');
    expect(puts.length).toBe(3);
    expect(new Set(puts.map(({ headers }) => headers['x-amz-content-sha256'])).size).toBe(1);
    expect(puts[0]!.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(puts[0]!.headers['content-length']).toBe(String(40 * MiB));
    const bytes = await readAll((await backend.get('nar/large.nar'))!.body);
    expect(Buffer.compare(bytes, sampleBytes(0, 40 * MiB))).toBe(0);
  });

  it('throws what large content throws when it is streamed', async () => {
    const failure = Object.assign(new Error('the disk is gone'), { code: 'ECONNRESET' });
    let opened = 0;
    const content = {
      size: 40 * MiB,
      async *open() {
        yield* sampleContent(40 * MiB).open({ offset: 0, length: 20 * MiB });
        if (++opened > 1) throw failure;
        yield* sampleContent(40 * MiB).open({ offset: 20 * MiB, length: 20 * MiB });
      },
    };
    const whole = open({ multipartUpload: false });
    await expect(whole.put('key', content)).rejects.toBe(failure);
    expect(opened).toBe(2);
    // Different at the second reading: S3 refuses what has not the hash that was signed.
    const changing = {
      size: 20 * MiB,
      async *open() {
        yield sampleBytes(0, 20 * MiB).fill(++opened, 0, 10);
      },
    };
    await expect(whole.put('key', changing)).rejects.toMatchObject({ code: 'backend-refused', status: 400 });
    expect(await whole.head('key')).toBeUndefined();
  });

  it('refuses what is too large for one piece', async () => {
    const content = { size: 6 * 1024 ** 3, open: () => expect.fail('it was opened') };
    await expect(open({ multipartUpload: false }).put('key', content)).rejects.toThrow(/multipart-upload=true/);
    expect(proxy.seen).toEqual([]);
  });

  it('asks for the storage class, in one piece and in parts', async () => {
    const standard = open({ storageClass: 'STANDARD', multipartChunkSize: 5 * MiB });
    await standard.put('small', sampleBytes(0, 10));
    await standard.put('large', sampleContent(6 * MiB));
    const asked = proxy.seen.filter(({ method, path }) => !path.includes('uploadId') && /PUT|POST/.test(method));
    expect(asked.map(({ headers }) => headers['x-amz-storage-class'])).toEqual(['STANDARD', 'STANDARD']);
    const head = await server.client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'large' }));
    expect(head.ContentLength).toBe(6 * MiB);
  });

  it('notices what others do between', async () => {
    await backend.put('key', sampleBytes(0, 10));
    await server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'key' }));
    expect(await backend.head('key')).toBeUndefined();
    expect(await backend.get('key')).toBeUndefined();
  });

  it('works again after it was closed', async () => {
    await backend.put('key', sampleBytes(0, 10));
    await backend.close();
    await backend.close();
    expect(await backend.head('key')).toEqual({ size: 10 });
    await backend.close();
  });
});

describe('addressing', () => {
  it('puts the bucket where Nix puts it', async () => {
    const proxy = await startProxy('http://127.0.0.1:1', () => ({ answer: { status: 200 } }));
    const { port } = new URL(proxy.endpoint);
    const hostAndPath = async (options: Partial<S3BackendOptions>): Promise<string> => {
      const backend = createS3Backend({
        bucket: 'cache',
        endpoint: `http://localhost:${port}/v1`,
        credentials: s3Keys.tester,
        ...options,
      });
      await backend.put('nar/x', sampleBytes(0, 1));
      await backend.close();
      const { headers, path } = proxy.seen.at(-1)!;
      return `${headers.host}${path}`;
    };
    expect(await hostAndPath({})).toBe(`localhost:${port}/v1/cache/nar/x?x-id=PutObject`);
    expect(await hostAndPath({ addressingStyle: 'path' })).toBe(`localhost:${port}/v1/cache/nar/x?x-id=PutObject`);
    expect(await hostAndPath({ bucket: 'a.b', prefix: 'p' })).toBe(`localhost:${port}/v1/a.b/p/nar/x?x-id=PutObject`);
    await proxy.stop();
  });
});
