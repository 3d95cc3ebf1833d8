/**
 * What every runtime does: caches are read and checked, and paths are written, by the portable part of narkit.
 *
 * It runs outside of the tests, on the package as npm packs it.
 *
 * @module
 */
import { type Backend, createHttpBackend, createMemoryBackend } from 'narkit/backend';
import { type BinaryCacheStore, openBinaryCacheStore } from 'narkit/binary-cache';
import type { CompressionName } from 'narkit/compression';
import { createHasher, formatHash } from 'narkit/hash';
import { createNarListingBuilder, formatNarListing, type NarNode, observeNar, writeNar } from 'narkit/nar';
import { makeContentAddressedPath, type PathInfo } from 'narkit/narinfo';
import { generateSecretKey, isTrusted, type PublicKey, parsePublicKey, signPathInfo } from 'narkit/signing';

/** All of it is JSON, to get into the runtime. */
export interface Task {
  readonly storeDir: string;
  /** Of the key that signed what is to be read. */
  readonly publicKey: string;
  readonly hashPart: string;
  /** URLs of caches that have the path. */
  readonly read: readonly string[];
  /** URL of a file that is asked for in part. */
  readonly part?: string | undefined;
  /** What to compress with into memory. */
  readonly write: readonly CompressionName[];
  /** URL of a cache that takes a path, uncompressed. */
  readonly upload?: string | undefined;
}

/** What came of one job of a task: what was read, or why it was not. */
export type Outcome =
  | {
      readonly path: string;
      readonly trusted: boolean;
      readonly narHash: string;
      readonly narSize: number;
      readonly listing: string;
    }
  | { readonly error: string };

export interface Report {
  readonly read: readonly Outcome[];
  /** The bytes 3 to 7 of the file, and its size. */
  readonly part: string | undefined;
  readonly write: readonly Outcome[];
  readonly upload: Outcome | undefined;
}

/** Do a task. What fails is in the report. */
export async function runTask(task: Task): Promise<Report> {
  const { storeDir } = task;
  const connect = (url: string): Backend => createHttpBackend(url, { retry: { attempts: 1 } });
  const keys = [parsePublicKey(task.publicKey)];
  const part = task.part && (await readPart(connect(new URL('.', task.part).href), new URL(task.part).pathname));
  const report = { read: [] as Outcome[], part, write: [] as Outcome[], upload: undefined as Outcome | undefined };
  for (const url of task.read)
    report.read.push(
      await outcome(async () => {
        const cache = await openBinaryCacheStore(connect(url), { settings: { storeDir } });
        return read(cache, task.hashPart, keys);
      }),
    );
  for (const compression of task.write)
    report.write.push(await outcome(() => writeAndRead(createMemoryBackend(), storeDir, compression)));
  const { upload } = task;
  if (upload !== undefined) report.upload = await outcome(() => writeAndRead(connect(upload), storeDir, 'none'));
  return report;
}

async function readPart(backend: Backend, pathname: string): Promise<string> {
  const key = pathname.slice(pathname.lastIndexOf('/') + 1);
  const object = await backend.get(key, { range: { offset: 3, length: 5 } });
  let text = '';
  for await (const chunk of object?.body ?? []) text += new TextDecoder().decode(chunk);
  return `${text} of ${object?.size}`;
}

async function outcome(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    const { code, message, stack } = error as Error & { code?: string };
    return { error: code === undefined ? `${message}\n${stack}` : `${code}: ${message}` };
  }
}

async function read(cache: BinaryCacheStore, hashPart: string, keys: readonly PublicKey[]): Promise<Outcome> {
  const path = await cache.queryPathFromHashPart(hashPart);
  const info = path && (await cache.queryPathInfo(path));
  if (info === undefined) return { error: `no ${hashPart} in ${cache.uri}` };
  const listing = createNarListingBuilder();
  const digest = createHasher('sha256');
  let narSize = 0;
  for await (const chunk of observeNar(cache.narFromPath(info.path), listing)) {
    digest.update(chunk);
    narSize += chunk.length;
  }
  return {
    path: info.path,
    trusted: isTrusted(info, keys, cache.storeDir),
    narHash: formatHash(digest.digest(), 'nix32'),
    narSize,
    listing: formatNarListing(listing.finish()),
  };
}

/** A tree with each kind of entry, and a file of several zstd frames that compresses well. */
const large = new Uint8Array(3_000_000).map((_, index) => (index * index) >>> 12);
const tree: NarNode = {
  type: 'directory',
  entries: new Map<string, NarNode>([
    [
      'bin',
      {
        type: 'directory',
        entries: new Map([['run', { type: 'regular', executable: true, contents: text('#!/bin/sh\n') }]]),
      },
    ],
    ['größe', { type: 'regular', contents: large }],
    ['link', { type: 'symlink', target: 'bin/run' }],
  ]),
};

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

async function writeAndRead(backend: Backend, storeDir: string, compression: CompressionName): Promise<Outcome> {
  const cache = await openBinaryCacheStore(backend, { settings: { storeDir, compression, writeNarListing: true } });
  const secretKey = generateSecretKey('runtime-1');
  const info = await describeTree(storeDir);
  const signed = { ...info, signatures: [signPathInfo(info, secretKey, storeDir)] };
  const publication = await cache.prepare(signed, () => writeNar(tree));
  await publication.publish();
  return read(cache, info.path.slice(0, 32), [secretKey.publicKey]);
}

async function describeTree(storeDir: string): Promise<PathInfo> {
  const digest = createHasher('sha256');
  let narSize = 0;
  for await (const chunk of writeNar(tree)) {
    digest.update(chunk);
    narSize += chunk.length;
  }
  const narHash = digest.digest();
  // Without its content address the path is nothing without a signature.
  const path = makeContentAddressedPath('tree', { method: 'nar', hash: narHash }, undefined, storeDir);
  return { path, narHash, narSize, references: [], signatures: [] };
}
