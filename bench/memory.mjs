/**
 * Peak memory of `narkit copy` of large paths: a table, and exit code 1 when one of the figures is above the limit.
 *
 *   npm run bench:memory
 *
 * To S3 where `NARKIT_PEERS` names a folder with the test server (`test/peers/install.sh`). Sizes in GiB may be given as arguments;
 * `TMPDIR` must have room for three times the largest.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const limitMB = 250;
const GiB = 2 ** 30;
const sizes = (process.argv.length > 2 ? process.argv.slice(2) : [1, 3]).map(Number);
/** Slow, so a smaller one; shown, and not held to the limit: liblzma alone takes 94 MB a core at its usual level. */
const xzSize = 1 / 16;

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const directory = await mkdtemp(join(tmpdir(), 'narkit-memory-'));
const server = await startS3Server();
const rows = [];
console.log(`Node ${process.version}: at most ${limitMB} MB; to, GiB, peak MB, MB/s`);
try {
  for (const size of [...sizes, xzSize]) {
    const path = await makePath(size * GiB);
    for (const compression of size === xzSize ? ['xz'] : ['none', 'zstd'])
      rows.push(await measure(size, path, `file://${join(directory, 'cache')}?compression=${compression}`));
    if (server !== undefined && size !== xzSize)
      for (const compression of ['none', 'zstd'])
        rows.push(await measure(size, path, `${await server.createBucket()}&compression=${compression}`));
    await rm(path.directory, { recursive: true });
  }
} finally {
  await server?.stop();
  await rm(directory, { recursive: true });
}
console.table(rows);
if (rows.some((row) => row.GiB !== xzSize && row['peak MB'] > limitMB)) process.exitCode = 1;

/** A directory with one store path: one file that no method compresses, for its content repeats beyond every window. */
async function makePath(size) {
  const paths = await mkdtemp(join(directory, 'paths-'));
  const block = randomBytes(64 * 1024 * 1024);
  const file = await open(join(paths, `${'0'.repeat(32)}-large`), 'wx');
  for (let written = 0; written < size; written += block.length)
    await file.write(block, 0, Math.min(block.length, size - written));
  await file.close();
  return { directory: paths, storePath: `/nix/store/${'0'.repeat(32)}-large` };
}

/** Copy in a process of its own, which says at its end what it took. */
async function measure(sizeGiB, path, to) {
  const started = performance.now();
  const preload = join(import.meta.dirname, 'report-memory.mjs');
  const command = ['copy', '--quiet', '--from', `tree:${path.directory}`, '--to', to, path.storePath];
  const child = spawn(process.execPath, ['--import', preload, fromRoot('dist/cli/narkit.js'), ...command], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, ...server?.env },
  });
  const [[exitCode], peak] = await Promise.all([once(child, 'close'), text(child.stdio[3])]);
  if (exitCode !== 0) throw new Error(`narkit ${command.join(' ')}: exit code ${exitCode}`);
  const seconds = (performance.now() - started) / 1000;
  if (to.startsWith('s3:')) await server.expectOneNar(sizeGiB * GiB);
  await rm(join(directory, 'cache'), { recursive: true, force: true });
  const row = {
    to: `${to.split(':')[0]} ${/compression=(\w+)/.exec(to)[1]}`,
    GiB: sizeGiB,
    'peak MB': Math.round(Number(peak) / 1e6),
    'MB/s': Math.round((sizeGiB * GiB) / 1e6 / seconds),
  };
  console.log(Object.values(row).join('\t'));
  return row;
}

/** The server of the tests, if it is here; as `test/peers/s3-server.ts` starts it. */
async function startS3Server() {
  const { NARKIT_PEERS: peers } = process.env;
  if (!peers) return undefined;
  const usr = join(peers, 's3/root/usr');
  const architecture = (await readdir(join(usr, 'lib'))).find((name) => name.endsWith('-linux-gnu'));
  const libraries = join(usr, 'lib', architecture);
  const loader = (await readdir(libraries)).find((name) => name.startsWith('ld-linux'));
  const folder = join(directory, 's3');
  await mkdir(folder);
  const python = ['--library-path', `${libraries}:${join(usr, 'lib')}`, join(usr, 'bin/python3'), '-W', 'ignore'];
  const child = spawn(join(libraries, loader), [...python, fromRoot('test/peers/s3-server.py'), folder, '0'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: '/usr/bin', PYTHONHOME: usr, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const [port] = await once(child.stdout, 'data');
  const endpoint = `http://127.0.0.1:${Number(String(port))}`;
  const credentials = { accessKeyId: 'test:tester', secretAccessKey: 'testing' };
  const client = new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true });
  let buckets = 0;
  return {
    env: { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    async createBucket() {
      await client.send(new CreateBucketCommand({ Bucket: `bucket-${++buckets}` }));
      return `s3://bucket-${buckets}?endpoint=${endpoint}`;
    },
    /** In the newest bucket lies one NAR of a file of this size, which nothing compresses, and no upload is open. */
    async expectOneNar(fileSize) {
      const Bucket = `bucket-${buckets}`;
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'nar/' }));
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      if (Contents.length !== 1 || Contents[0].Size < fileSize) throw new Error(`${Bucket} has not the one NAR`);
      if (Uploads.length > 0) throw new Error(`${Uploads.length} multipart uploads are open in ${Bucket}`);
    },
    async stop() {
      client.destroy();
      const ended = once(child, 'exit');
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}
