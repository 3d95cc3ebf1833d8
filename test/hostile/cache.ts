/**
 * A signed cache of one path, behind a server that may change any answer, and copies out of it that must be refused.
 *
 * @module
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createHttpBackend } from '../../src/backend/http/http-backend.ts';
import { createMemoryBackend } from '../../src/backend/memory.ts';
import { openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import type { CompressionName } from '../../src/compression/index.ts';
import { copy } from '../../src/copy/index.ts';
import { generateSecretKey, type SecretKey } from '../../src/signing/index.ts';
import { openWritableStore } from '../../src/store/index.ts';
import { formatStorePath, type StorePath } from '../../src/store-path.ts';
import { collect } from '../compression/streams.ts';
import { createSampleStore } from '../copy/sample-store.ts';

/** A cache as it should be. */
export interface HonestCache {
  readonly path: StorePath;
  readonly fullPath: string;
  readonly narInfoKey: string;
  readonly narInfo: string;
  /** Where the NAR lies, and its bytes. */
  readonly narKey: string;
  readonly nar: Buffer;
  readonly secretKey: SecretKey;
  /** All of it, by key. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** A path of `text`, signed. */
export async function makeCache(compression: CompressionName, text: string): Promise<HonestCache> {
  const secretKey = generateSecretKey('honest-1');
  const backend = createMemoryBackend();
  const cache = await openBinaryCacheStore(backend, { settings: { compression } });
  const sample = createSampleStore();
  const path = await sample.add('hello', [], text);
  expect(await copy(sample, cache, [path], { secretKeys: [secretKey] })).toMatchObject({ copied: 1 });
  const files = new Map<string, Buffer>();
  for await (const { key } of backend.list!(''))
    files.set(key, Buffer.from(await collect((await backend.get(key))!.body)));
  const narInfoKey = `${path.slice(0, 32)}.narinfo`;
  const narKey = [...files.keys()].find((key) => key.startsWith('nar/'))!;
  return {
    path,
    fullPath: formatStorePath(path),
    narInfoKey,
    narInfo: files.get(narInfoKey)!.toString(),
    narKey,
    nar: files.get(narKey)!,
    secretKey,
    files,
  };
}

/** For what hangs, and for what does not on a busy machine. */
const impatienceMs = 600;
const patienceMs = 30_000;

/** Where paths are copied to; what is there before them. */
const destinations: readonly (readonly [uri: (directory: string) => string, before: readonly string[]])[] = [
  [(directory) => `tree:${directory}`, []],
  [(directory) => `file://${directory}?compression=none`, ['nix-cache-info']],
];

/** Copy the path to a tree and into a cache of files. Returns the errors; nothing may be left of what failed. */
export async function copyFrom(
  url: string,
  { path, secretKey }: HonestCache,
  stallTimeoutMs: number = patienceMs,
): Promise<Error[]> {
  const retry = { attempts: 2, delayMs: 1, rateLimitedDelayMs: 1, maximumDelayMs: 1 };
  const errors: Error[] = [];
  for (const [uri, before] of destinations) {
    const directory = await mkdtemp(join(tmpdir(), 'narkit-hostile-'));
    const backend = createHttpBackend(url, { retry, stallTimeoutMs });
    try {
      const to = await openWritableStore(uri(directory));
      const failed = await (async () => {
        const from = await openBinaryCacheStore(backend);
        const { outcomes } = await copy(from, to, [path], { trustedPublicKeys: [secretKey.publicKey] });
        return outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
      })().catch((error: Error) => [error]);
      await to.close?.();
      errors.push(...failed);
      if (failed.length > 0) {
        const left = (await readdir(directory, { recursive: true, withFileTypes: true })).filter(
          (entry) => !entry.isDirectory(),
        );
        expect(left.map(({ name }) => name).filter((name) => !before.includes(name))).toEqual([]);
      }
    } finally {
      await backend.close?.();
      await rm(directory, { recursive: true, force: true });
    }
  }
  return errors;
}

/** Both copies are refused; the first error. */
export async function refusal(url: string, cache: HonestCache): Promise<Error & { code?: string }> {
  const errors = await copyFrom(url, cache, impatienceMs);
  expect(errors).toHaveLength(2);
  for (const error of errors) {
    expect(error).toHaveProperty('narkitError', true);
    expect([url, cache.fullPath].some((place) => error.message.includes(place.replace('user:secret@', '')))).toBe(true);
  }
  return errors[0]!;
}
