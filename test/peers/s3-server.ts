/**
 * A real S3 server for tests: OpenStack Swift with its S3 interface, as Debian packages it.
 *
 * ```ts
 * const server = await startS3Server();
 * const bucket = await server.createBucket();
 * openStore(server.uri(bucket));          // with process.env having server.env
 * server.kill(); await server.start();    // as after a crash: same port, same objects
 * await server.stop();
 * ```
 *
 * It needs the files under `$NARKIT_PEERS/s3/root` and no rights; it runs on a port of its own, in a folder of its own, and ends
 * with the process that started it. An `http://` binary cache of a bucket that anyone may read lies at `server.publicUrl`.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { needPeer } from './peers.ts';

/** Its keys: `tester` may do everything, `reader` nothing but what is public. */
export const s3Keys = {
  tester: { accessKeyId: 'test:tester', secretAccessKey: 'testing' },
  reader: { accessKeyId: 'test:reader', secretAccessKey: 'reading' },
} as const;

export interface S3Server {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly region: string;
  /** The variables by which an SDK finds the keys of `tester`. */
  readonly env: Readonly<Record<string, string>>;
  /** A client of the SDK's own, to look at what narkit did. */
  readonly client: S3Client;
  /** A new bucket, which anyone may read when `acl` says so; its name. */
  createBucket(options?: { readonly acl?: 'public-read' }): Promise<string>;
  /** Nix's URI of the bucket, perhaps with a prefix in it and more parameters. */
  uri(bucket: string, parameters?: Readonly<Record<string, string>>): string;
  /** Where anyone reads a public bucket by HTTP. */
  publicUrl(bucket: string): string;
  /** SIGKILL to all of its processes. */
  kill(): Promise<void>;
  /** After {@link kill}: on the same port, with the same objects. */
  start(): Promise<void>;
  /** End it and take its folder away. */
  stop(): Promise<void>;
}

/** Start a server with nothing in it. */
export async function startS3Server(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'narkit-s3-'));
  const region = 'us-east-1';
  let child = await launch(folder, 0);
  const port = await readPort(child);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region, credentials: s3Keys.tester, forcePathStyle: true, maxAttempts: 5 });
  let buckets = 0;

  return {
    endpoint,
    region,
    env: { AWS_ACCESS_KEY_ID: s3Keys.tester.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Keys.tester.secretAccessKey },
    client,
    async createBucket({ acl } = {}) {
      const name = `bucket-${++buckets}`;
      await client.send(new CreateBucketCommand({ Bucket: name, ...(acl && { ACL: acl }) }));
      return name;
    },
    uri: (bucket, parameters = {}) => `s3://${bucket}?${new URLSearchParams({ endpoint, region, ...parameters })}`,
    publicUrl: (bucket) => `${endpoint}/v1/AUTH_test/${bucket}`,
    kill: () => kill(child),
    async start() {
      child = await launch(folder, port);
      await readPort(child);
    },
    async stop() {
      client.destroy();
      await kill(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Swift's Python, by its own loader, so that neither a chroot nor this host's libraries are needed. */
async function launch(folder: string, port: number): Promise<ChildProcess> {
  const usr = join(needPeer('s3'), 'root', 'usr');
  const architecture = (await readdir(join(usr, 'lib'))).find((name) => name.endsWith('-linux-gnu'));
  if (architecture === undefined) throw new Error(`${usr}/lib holds no libraries`);
  const libraries = join(usr, 'lib', architecture);
  const loader = (await readdir(libraries)).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error(`${libraries} holds no loader`);
  return spawn(
    join(libraries, loader),
    [
      ...['--library-path', `${libraries}:${join(usr, 'lib')}`, join(usr, 'bin', 'python3')],
      ...['-W', 'ignore', join(import.meta.dirname, 's3-server.py'), folder, String(port)],
    ],
    {
      detached: true, // a process group of its own, to be killed as one
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin', PYTHONHOME: usr, PYTHONDONTWRITEBYTECODE: '1' },
    },
  );
}

async function readPort(child: ChildProcess): Promise<number> {
  const [line] = await Promise.race([
    once(child.stdout!, 'data'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the S3 server ended with ${code} before it listened`);
    }),
  ]);
  return Number(String(line));
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(-child.pid!, 'SIGKILL');
  await ended;
}
