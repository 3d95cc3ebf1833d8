import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createS3Backend, type S3Backend, type S3BackendOptions } from '../../../src/backend/s3/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, startS3Server } from '../../peers/s3-server.ts';
import { type FaultyProxy, startProxy } from './proxy.ts';

const keys = 'aws_access_key_id = test:tester\naws_secret_access_key = testing\n';

describePeer('s3', 'credentials for a real S3 server', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  let bucket: string;
  let home: string;
  let backend: S3Backend | undefined;
  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startProxy(server.endpoint);
    bucket = await server.createBucket();
  });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'narkit-home-'));
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('HOME', home);
    vi.stubEnv('AWS_CONFIG_FILE', join(home, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(home, 'credentials'));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    proxy.seen.length = 0;
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await backend?.close();
    await rm(home, { recursive: true });
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });
  const head = (options: Partial<S3BackendOptions> = {}): ReturnType<S3Backend['head']> => {
    backend = createS3Backend({ bucket, endpoint: proxy.endpoint, retry: { attempts: 2, delayMs: 1 }, ...options });
    return backend.head('absent');
  };
  const authorizations = (): (string | undefined)[] => proxy.seen.map(({ headers }) => headers.authorization);

  it('none: nothing is sent, and it says where it looked', async () => {
    const refused = head();
    await expect(refused).rejects.toMatchObject({ code: 'backend-denied', retryable: false });
    await expect(refused).rejects.toThrow(
      /no AWS credentials were found \(in AWS_ACCESS_KEY_ID .* ~\/\.aws\/credentials .* EC2/,
    );
    expect(proxy.seen).toEqual([]);
  });

  it('none, and an instance metadata service that never answers: it does not wait for long', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined);
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const startedMs = Date.now();
    await expect(head()).rejects.toMatchObject({ code: 'backend-denied' });
    expect(Date.now() - startedMs).toBeLessThan(10_000);
    expect(proxy.seen).toEqual([]);
    silent.close();
  });

  it('none at first: found when they are there', async () => {
    await expect(head()).rejects.toMatchObject({ code: 'backend-denied' });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test:tester');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
    expect(await backend!.head('absent')).toBeUndefined();
  });

  it('of the environment, with a session token', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test:tester');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
    expect(await head()).toBeUndefined();
    vi.stubEnv('AWS_SESSION_TOKEN', 'a-token');
    proxy.seen.length = 0;
    await head().catch(() => undefined);
    expect(proxy.seen[0]!.headers['x-amz-security-token']).toBe('a-token');
    for (const authorization of authorizations())
      expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=test:tester\//);
  });

  it('of the default profile, and of a named one', async () => {
    await writeFile(join(home, 'credentials'), `[default]\n${keys.replace('testing', 'no')}\n[work]\n${keys}`);
    await expect(head()).rejects.toThrow(/the secret key is wrong/);
    expect(await head({ profile: 'work' })).toBeUndefined();
    vi.stubEnv('AWS_PROFILE', 'work');
    expect(await head()).toBeUndefined();
  });

  it('of a profile before those of the environment', async () => {
    const warned = vi.spyOn(console, 'warn');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test:nobody');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
    await writeFile(join(home, 'credentials'), `[work]\n${keys}`);
    expect(await head({ profile: 'work' })).toBeUndefined();
    expect(warned).not.toHaveBeenCalled();
  });

  it('of a profile that is not there', async () => {
    await writeFile(join(home, 'credentials'), `[work]\n${keys}`);
    await expect(head({ profile: 'wrok' })).rejects.toThrow(
      /no AWS credentials were found \(in the profile 'wrok' of /,
    );
    expect(proxy.seen).toEqual([]);
  });

  it('of a container', async () => {
    const Expiration = new Date(Date.now() + 60 * 60 * 1000).toISOString();
    const body = JSON.stringify({
      AccessKeyId: 'test:tester',
      SecretAccessKey: 'testing',
      Token: 'container-token',
      Expiration,
    });
    const container = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
    await once(container, 'listening');
    const { port } = container.address() as AddressInfo;
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/credentials`);
    await head().catch(() => undefined);
    expect(proxy.seen[0]!.headers['x-amz-security-token']).toBe('container-token');
    container.close();
  });

  it('an endpoint of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test:tester');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
    vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
    expect(await head({ endpoint: undefined })).toBeUndefined();
    expect(proxy.seen[0]!.path).toBe(`/${bucket}/absent`);
  });
});
