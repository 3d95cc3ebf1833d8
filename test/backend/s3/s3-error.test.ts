import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { createS3Backend, type S3Backend, type S3BackendOptions } from '../../../src/backend/s3/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, s3Keys, startS3Server } from '../../peers/s3-server.ts';
import { type FaultyProxy, s3Answer, startProxy } from './proxy.ts';

const bytes = new TextEncoder().encode('StoreDir: /nix/store\n');
const retry = { attempts: 2, delayMs: 1, rateLimitedDelayMs: 1 };

/** Each way to ask a backend for something, with what it says against it: one line, and no secret in it. */
async function refusals(backend: S3Backend): Promise<Record<string, BackendError>> {
  const calls: Record<string, () => Promise<unknown>> = {
    get: () => backend.get('nix-cache-info'),
    head: () => backend.head('nix-cache-info'),
    put: () => backend.put('nix-cache-info', bytes),
    delete: () => backend.delete('nix-cache-info'),
    list: () => drain(backend.list('')),
  };
  const errors: Record<string, BackendError> = {};
  for (const [name, call] of Object.entries(calls)) {
    const error = await call().then(
      (value) => expect.fail(`${name} went through with ${value}`),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BackendError);
    const { message, uri, cause } = error as BackendError;
    expect(uri).toBe(backend.uri);
    expect(message).not.toMatch(/[\n\r]/);
    for (let told: unknown = error; told instanceof Error; told = told.cause)
      expect(JSON.stringify({ ...told, message: told.message })).not.toMatch(/testing|a-wrong-secret|a-token/);
    expect(cause).toBeInstanceOf(Error);
    errors[name] = error as BackendError;
  }
  return errors;
}

describePeer('s3', 'what a real S3 server refuses', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let bucket: string;
  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startProxy(server.endpoint);
    bucket = await server.createBucket();
  });
  afterEach(() => {
    vi.useRealTimers();
    proxy.seen.length = 0;
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });
  const open = (options: Partial<S3BackendOptions> = {}): S3Backend =>
    createS3Backend({ bucket, endpoint: proxy.endpoint, credentials: s3Keys.tester, retry, ...options });

  it('a wrong secret, at once', async () => {
    const credentials = { accessKeyId: 'test:tester', secretAccessKey: 'a-wrong-secret', sessionToken: 'a-token' };
    for (const error of Object.values(await refusals(open({ credentials })))) {
      expect(error).toMatchObject({ code: 'backend-denied', retryable: false, status: 403 });
      expect(error.message).toContain('the secret key is wrong (SignatureDoesNotMatch)');
      expect(error.message).toContain(`'${bucket}' at ${proxy.endpoint}`);
    }
    // Each once, but for HEAD, whose answer does not say why.
    expect(proxy.seen.map(({ method }) => method)).toEqual(['GET', 'HEAD', 'GET', 'PUT', 'DELETE', 'GET']);
  });

  it('a missing bucket', async () => {
    for (const error of Object.values(await refusals(open({ bucket: 'no-such-bucket' })))) {
      expect(error).toMatchObject({ code: 'backend-refused', retryable: false, status: 404 });
      expect(error.message).toContain('there is no such bucket');
    }
  });

  it('a wrong region, naming the right one', async () => {
    for (const error of Object.values(await refusals(open({ region: 'eu-west-1' })))) {
      expect(error).toMatchObject({ code: 'backend-refused', retryable: false, status: 400 });
      expect(error.message).toContain(`its region is 'us-east-1', not 'eu-west-1'`);
    }
  });

  it('what the credentials do not allow', async () => {
    for (const error of Object.values(await refusals(open({ credentials: s3Keys.reader })))) {
      expect(error).toMatchObject({ code: 'backend-denied', retryable: false, status: 403 });
      expect(error.message).toContain('the credentials do not allow it (AccessDenied)');
    }
  });

  it('but what is not known to be there where the bucket may not be listed, as Nix', async () => {
    await open().put('there.narinfo', bytes);
    const reader = open({ credentials: s3Keys.reader });
    expect(await reader.get('there.narinfo')).toBeUndefined();
    expect(await reader.head('absent.narinfo')).toBeUndefined();
    proxy.seen.length = 0;
    expect(await reader.get('absent.narinfo')).toBeUndefined();
    expect(proxy.seen.length).toBe(1);
  });

  it('a clock that is wrong, which is put right', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 60 * 60 * 1000 });
    const backend = open();
    await backend.put('nix-cache-info', bytes);
    expect(await backend.head('nix-cache-info')).toEqual({ size: bytes.length });
  });
});

describe('what an S3 server may answer besides', () => {
  let proxy: FaultyProxy;
  beforeAll(async () => {
    proxy = await startProxy('http://127.0.0.1:1');
  });
  afterAll(() => proxy.stop());
  const open = (options: Partial<S3BackendOptions> = {}): S3Backend =>
    createS3Backend({ bucket: 'cache', endpoint: proxy.endpoint, credentials: s3Keys.tester, retry, ...options });

  it.each([
    ['an unknown access key', 403, 'InvalidAccessKeyId', {}, 'backend-denied', 'does not know the access key'],
    ['an expired token', 400, 'ExpiredToken', {}, 'backend-denied', 'session token is no longer good'],
    [
      'another region',
      301,
      'PermanentRedirect',
      { 'x-amz-bucket-region': 'eu-north-1' },
      'backend-refused',
      `'eu-north-1', not 'us-east-1'`,
    ],
    ['another endpoint', 301, 'PermanentRedirect', {}, 'backend-refused', `check 'region' and 'endpoint'`],
    ['a full disk', 507, 'XMinioStorageFull', {}, 'backend-full', 'no room is left'],
    ['a full quota', 403, 'QuotaExceeded', {}, 'backend-full', 'no room is left'],
    [
      'an unknown storage class',
      400,
      'InvalidStorageClass',
      {},
      'backend-refused',
      'InvalidStorageClass it is (HTTP 400)',
    ],
    ['too many requests', 503, 'SlowDown', {}, 'backend-refused', 'it is overloaded'],
  ])('%s', async (_what, status, code, headers, expectedCode, expectedText) => {
    proxy.decide = () => s3Answer(status, code, '', headers);
    for (const error of Object.values(await refusals(open()))) {
      expect(error.code).toBe(expectedCode);
      expect(error.message).toContain(expectedText);
      expect(error.retryable).toBe(status === 503);
    }
  });

  it('a 403 for an object of a bucket that may be listed', async () => {
    const listing = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
    proxy.decide = ({ path }) =>
      path.includes('list-type=2') ? { answer: { status: 200, body: listing } } : s3Answer(403, 'AccessDenied');
    await expect(open().get('secret.narinfo')).rejects.toMatchObject({ code: 'backend-denied' });
    await expect(open().head('secret.narinfo')).rejects.toMatchObject({ code: 'backend-denied' });
  });

  it('when to come back', async () => {
    const seenAt: number[] = [];
    proxy.decide = () => {
      seenAt.push(Date.now());
      return seenAt.length === 1 ? s3Answer(503, 'SlowDown', '', { 'retry-after': '1' }) : { answer: { status: 200 } };
    };
    await open().put('key', bytes);
    expect(seenAt[1]! - seenAt[0]!).toBeGreaterThanOrEqual(990);
  });

  it('nothing that makes sense', async () => {
    for (const body of [
      '<html>welcome to the hotel',
      '\0\x01',
      `<Error><Code>${'x'.repeat(1e6)}\n\x1b[31m</Code></Error>`,
      '',
    ]) {
      proxy.decide = () => ({ answer: { status: 418, headers: { 'content-type': 'text/html' }, body } });
      for (const { code, message } of Object.values(await refusals(open()))) {
        expect(code).toMatch(/^backend-re/);
        expect(message.length).toBeLessThan(600);
        expect(message).not.toMatch(/\p{Cc}/u);
      }
    }
  });
});

describe('an S3 server that is not reached', () => {
  const open = (endpoint: string, options: Partial<S3BackendOptions> = {}): S3Backend =>
    createS3Backend({ bucket: 'cache', endpoint, credentials: s3Keys.tester, retry, ...options });

  it('nothing listens there', async () => {
    for (const error of Object.values(await refusals(open('http://127.0.0.1:1')))) {
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true, status: undefined });
      expect(error.message).toContain('nothing listens there');
    }
  });

  it('its name has no address', async () => {
    const { get } = await refusals(open('http://s3.invalid'));
    expect(get).toMatchObject({ code: 'backend-unreachable', retryable: true });
    expect(get!.message).toContain(`the host 's3.invalid' has no address`);
  });

  it('it speaks no TLS, or hangs, or hangs up', async () => {
    const proxy = await startProxy('http://127.0.0.1:1');
    const { get } = await refusals(open(proxy.endpoint.replace('http:', 'https:')));
    expect(get).toMatchObject({ code: 'backend-unreachable', retryable: false });
    expect(get!.message).toContain('no secure connection');

    proxy.decide = () => ({ cut: 'hangs' });
    const startedMs = Date.now();
    for (const error of Object.values(await refusals(open(proxy.endpoint, { stallTimeoutMs: 200 })))) {
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(error.message).toContain('no answer came in time');
    }
    expect(Date.now() - startedMs).toBeLessThan(30_000);

    proxy.decide = () => ({ cut: 'before' });
    for (const error of Object.values(await refusals(open(proxy.endpoint)))) {
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(error.message).toContain('the connection broke');
    }
    await proxy.stop();
  });
});

async function drain(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const _entry of entries);
}
