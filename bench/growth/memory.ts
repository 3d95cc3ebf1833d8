/**
 * Memory of copies of large paths and of large closures, and how long they kept the event loop.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { startNginx } from '../../test/peers/nginx.ts';
import { findPeer } from '../../test/peers/peers.ts';
import { type S3Server, startS3Server } from '../../test/peers/s3-server.ts';
import { writePart } from '../page.ts';
import { usePeers } from '../use-peers.ts';
import { type AmountCost, formatCosts } from './cost-table.ts';
import { type Cost, runNarkit } from './run-narkit.ts';

const GiB = 2 ** 30;
const limitBytes = 250e6;
const limitGrowth = 1.1;
const limitStallMs = 100;
/** Slow, so a small one; shown, and not held to the limit: liblzma alone takes 94 MB a core at its usual level. */
const xzSize = 1 / 32;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { paths: { type: 'string' }, only: { type: 'string' }, save: { type: 'boolean' } },
});
const isUsual = positionals.length === 0 && values.paths === undefined;
const sizes = isUsual ? [1, 8] : positionals.map(Number);
const counts = isUsual ? [1000, 50_000] : (values.paths ?? '').split(',').filter(Boolean).map(Number);

usePeers();
const directory = await mkdtemp(join(tmpdir(), 'narkit-memory-'));
const s3 = findPeer('s3') === undefined ? undefined : await startS3Server();
const nginx = findPeer('nginx') === undefined ? undefined : await startNginx({ root: join(directory, 'served') });
const rows: AmountCost[] = [];
try {
  for (const size of sizes) await measureSize(size);
  if (sizes.length > 0) await measureXz();
  for (const count of counts) await measureClosure(count);
} finally {
  await s3?.stop();
  await nginx?.stop();
  await rm(directory, { recursive: true, force: true });
}
report();
if (values.save) await save();

/** One path that no method compresses, to each kind of cache and back. */
async function measureSize(size: number): Promise<void> {
  const bytes = Math.round(size * GiB);
  const { from, path } = await makePath(bytes);
  const cache = join(directory, 'cache');
  const copyTo = (to: string) => runNarkit(['copy', '--from', from, '--to', to, path], s3?.env);
  for (const compression of ['none', 'zstd']) {
    await measure(`to file://, ${compression}`, size, () => copyTo(`file://${cache}?compression=${compression}`));
    if (nginx !== undefined)
      await measure(`to http://, ${compression}`, size, () => copyTo(`${nginx.url}/cache?compression=${compression}`));
    if (s3 !== undefined)
      await measure(`to s3://, ${compression}`, size, async () => {
        const bucket = await s3.createBucket();
        const cost = await copyTo(s3.uri(bucket, { compression }));
        await expectOneNar(s3, bucket, bytes);
        return cost;
      });
    await measure(`from file://, ${compression}, to tree:`, size, async () => {
      await copyTo(`file://${cache}?compression=${compression}`);
      return runNarkit([
        'copy',
        '--no-check-sigs',
        '--from',
        `file://${cache}`,
        '--to',
        `tree:${directory}/tree`,
        path,
      ]);
    });
  }
  await rm(join(directory, 'paths'), { recursive: true });
}

async function measureXz(): Promise<void> {
  const { from, path } = await makePath(xzSize * GiB);
  const to = `file://${directory}/cache?compression=xz`;
  await measure('to file://, xz', xzSize, () => runNarkit(['copy', '--from', from, '--to', to, path]));
  await rm(join(directory, 'paths'), { recursive: true });
}

/** Small paths from one cache to another, again where all is there, and to files. */
async function measureClosure(count: number): Promise<void> {
  const from = `file://${directory}/closure`;
  const path = await makeClosure(count, from);
  const copyTo = (to: string) => runNarkit(['copy', '--no-check-sigs', '--from', from, '--to', to, path]);
  await measure('paths from file:// to file://', count, () => copyTo(`file://${directory}/cache`));
  await measure('paths to where they are', count, () => copyTo(from));
  await measure('paths from file:// to tree:', count, () => copyTo(`tree:${directory}/tree`));
  await rm(join(directory, 'closure'), { recursive: true });
}

async function measure(copy: string, amount: number, run: () => Promise<Cost>): Promise<void> {
  if (values.only !== undefined && !copy.includes(values.only)) return;
  const cost = await run();
  rows.push({ copy, amount, cost });
  console.error([copy, amount, ...Object.values(describe(cost))].join('\t'));
  for (const name of ['cache', 'tree', 'served/cache'])
    await rm(join(directory, name), { recursive: true, force: true });
}

/** A directory with one store path: one file that no method compresses, for its content repeats beyond every window. */
async function makePath(size: number): Promise<{ from: string; path: string }> {
  const name = `${'0'.repeat(32)}-large`;
  await mkdir(join(directory, 'paths'));
  const block = randomBytes(64 * 1024 * 1024);
  const file = await open(join(directory, 'paths', name), 'wx');
  for (let written = 0; written < size; written += block.length)
    await file.write(block, 0, Math.min(block.length, size - written));
  await file.close();
  return { from: `tree:${directory}/paths`, path: `/nix/store/${name}` };
}

/** A closure in a cache; the path that refers, over others, to all of it. */
async function makeClosure(count: number, to: string): Promise<string> {
  const program = fileURLToPath(new URL('make-closure.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, String(count), to]);
  return stdout.trim();
}

/** In the bucket lies one NAR of a file of this size, which nothing compresses, and no upload is open. */
async function expectOneNar({ client }: S3Server, bucket: string, fileSize: number): Promise<void> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'nar/' }));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  if (Contents.length !== 1 || Contents[0]!.Size! < fileSize) throw new Error(`${bucket} has not the one NAR`);
  if (Uploads.length > 0) throw new Error(`${Uploads.length} multipart uploads are open in ${bucket}`);
}

function describe({ peakBytes, longestStallMs, milliseconds }: Cost): Record<string, number> {
  return {
    'peak MB': Math.round(peakBytes / 1e6),
    'stands still ms': Math.round(longestStallMs),
    seconds: Number((milliseconds / 1000).toPrecision(3)),
  };
}

function report(): void {
  console.log(
    `Node ${process.version}: at most ${limitBytes / 1e6} MB, and ${limitGrowth} times as much for 8 times the size`,
  );
  console.table(rows.map(({ copy, amount, cost }) => ({ copy, 'GiB or paths': amount, ...describe(cost) })));
  for (const copy of new Set(rows.map((row) => row.copy))) {
    const of = rows.filter((row) => row.copy === copy);
    const [first, last] = [of[0]!, of.at(-1)!];
    const growth = last.cost.peakBytes / first.cost.peakBytes;
    if (of.length < 2) continue;
    if (!copy.startsWith('paths')) {
      if (growth > limitGrowth) fail(`${copy}: ${growth.toFixed(2)} times the memory for ${last.amount} GiB`);
      continue;
    }
    const bytesAPath = (last.cost.peakBytes - first.cost.peakBytes) / (last.amount - first.amount);
    console.log(`${copy}: ${(bytesAPath / 1000).toFixed(1)} kB more a path`);
  }
  for (const { copy, amount, cost } of rows) {
    if (amount >= 1 && !copy.startsWith('paths') && cost.peakBytes > limitBytes)
      fail(`${copy}: above ${limitBytes / 1e6} MB`);
    if (cost.longestStallMs > limitStallMs)
      console.log(`${copy}, ${amount}: the event loop stood still for ${cost.longestStallMs.toFixed(0)} ms`);
  }
}

async function save(): Promise<void> {
  const ofPaths = (row: AmountCost): boolean => row.copy.startsWith('paths');
  const sized = formatCosts(
    rows.filter((row) => !ofPaths(row) && row.amount !== xzSize),
    (GiBs) => `${GiBs} GiB`,
  );
  const counted = formatCosts(rows.filter(ofPaths), (paths) => `${paths.toLocaleString('en')} paths`);
  await writePart(
    `memory on Node ${process.versions.node.split('.')[0]}`,
    `Node ${process.versions.node}:\n\n${sized}\n\n${counted}`,
  );
}

function fail(why: string): void {
  console.log(`NOT MET: ${why}`);
  process.exitCode = 1;
}
