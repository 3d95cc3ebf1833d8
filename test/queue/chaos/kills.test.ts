/**
 * Hooks and workers, the programs themselves, killed at random moments, and started again: what a hook has taken arrives, and nothing is left.
 *
 * `NARKIT_KILLS=200` kills so often, instead of 100 times; `NARKIT_SEED=…` draws the same numbers again, though not the same moments.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFilesystemBackend } from '../../../src/backend/filesystem/index.ts';
import { openBinaryCacheStore } from '../../../src/binary-cache/index.ts';
import { copy } from '../../../src/copy/index.ts';
import { type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { runNarkit } from '../../cli/run-narkit.ts';
import { listKeys, listOpenUploads } from '../../copy/bucket-contents.ts';
import { filesUnder } from '../../copy/destinations.ts';
import { createSampleStore, type SampleStore } from '../../copy/sample-store.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, startS3Server } from '../../peers/s3-server.ts';
import { onAnotherDay, type Program, startHook, startWorker } from './programs.ts';

const kills = Number(process.env.NARKIT_KILLS ?? 100);
const seed = Number(process.env.NARKIT_SEED ?? Date.now() % 1_000_000);
/** One path in so many is put in parts. */
const largeEvery = 25;

describePeer('s3', 'a queue whose programs are killed', () => {
  let server: S3Server;
  let bucket: string;
  let directory: string;
  let env: Record<string, string>;
  let worker: Program | undefined;

  beforeEach(async () => {
    server = await startS3Server();
    bucket = await server.createBucket();
    directory = await mkdtemp(join(tmpdir(), 'narkit-kills-'));
    await mkdir(join(directory, 'roots'));
    env = { ...server.env, NARKIT_CONFIG: join(directory, 'config.toml') };
    await writeFile(
      env.NARKIT_CONFIG!,
      `from = "file://${directory}/source"
to = ["${server.uri(bucket, { compression: 'none' })}", "file://${directory}/cache?compression=none"]
[queue]
directory = "${directory}/queue"
gc-roots = "${directory}/roots"
retry-delay = 0.1
retry-delay-maximum = 1
`,
    );
  });
  afterEach(async () => {
    worker?.child.kill('SIGKILL');
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it(`lose nothing, and leave nothing, by ${kills} kills (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const { store, paths } = await publishPaths(kills);
    const unbuilt = [...paths];
    const acknowledged: StorePath[] = [];
    const killed = { worker: 0, hook: 0 };
    const hookMs = await measureHook(acknowledged, unbuilt.splice(0, 1));

    while (killed.worker + killed.hook < kills && unbuilt.length > 0) {
      const victims = (['worker', 'hook', 'both'] as const)[Math.floor(3 * random())]!;
      worker ??= startWorker(env);
      const running = worker;
      const isStarting = random() < 0.25;
      if (!isStarting) await Promise.race([running.firstLine, running.ended]);
      const built = unbuilt.splice(0, 1 + Math.floor(3 * random()));
      const hook = startHook(built, env);
      const kill = async ({ child, ended }: Program, afterMs: number, kind: 'worker' | 'hook'): Promise<void> => {
        await Promise.race([setTimeout(afterMs), ended]);
        child.kill('SIGKILL');
        const { signal, exitCode, errors } = await ended;
        if (signal === 'SIGKILL') killed[kind]++;
        // A disk that is busy may be too slow for a hook, which says so, and has not taken it then.
        else
          expect([kind, exitCode, errors]).toEqual([
            'hook',
            0,
            expect.stringMatching(/^(narkit-hook: .* is too slow\n)?$/),
          ]);
      };
      await Promise.all([
        victims !== 'worker' && kill(hook, 1.3 * hookMs * random(), 'hook'),
        victims !== 'hook' && kill(running, (isStarting ? 200 : 700) * random(), 'worker'),
      ]);
      const { exitCode, errors } = await hook.ended;
      if (victims !== 'hook') worker = undefined;
      if (exitCode === 0 && errors === '') acknowledged.push(...built);
    }
    expect(killed.worker + killed.hook).toBeGreaterThanOrEqual(kills);
    if (worker !== undefined) {
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toMatchObject({ exitCode: 0 });
      worker = undefined;
    }

    // What a killed process left is old enough to go when a day has passed.
    await narkit(['worker', '--once']);
    const [last] = await addToSource(store, ['last']);
    expect(await startHook([last!], env).ended).toMatchObject({ exitCode: 0, errors: '' });
    acknowledged.push(last!);
    await narkit(['worker', '--once']);
    await narkit(['worker', '--once'], onAnotherDay(1));
    console.log(
      `seed ${seed}: ${killed.worker} workers and ${killed.hook} hooks were killed; ${acknowledged.length} paths acknowledged`,
    );

    const inBucket = new Set(await listKeys(server, bucket));
    const inCache = new Set(await filesUnder(join(directory, 'cache')));
    const lost = acknowledged.filter((path) => {
      const key = `${storePathHashPart(path)}.narinfo`;
      return !inBucket.has(key) || !inCache.has(key);
    });
    expect(lost).toEqual([]);
    expect([...inCache].filter((file) => file.includes('.tmp.'))).toEqual([]);
    expect(await listOpenUploads(server, bucket)).toEqual([]);
    expect(await readdir(join(directory, 'roots'))).toEqual([]);
    expect(await filesUnder(join(directory, 'queue'))).toEqual(['journal.jsonl']);
    for (const uri of [server.uri(bucket), `file://${directory}/cache`])
      await narkit(['store', 'verify', '--all', '--no-trust', '--store', uri]);
  }, 3_600_000);

  async function narkit(args: string[], more: Readonly<Record<string, string>> = {}): Promise<void> {
    const { exitCode, stderr } = await runNarkit(args, { env: { ...env, ...more } });
    expect([args, exitCode, exitCode === 0 ? '' : stderr]).toEqual([args, 0, '']);
  }

  async function publishPaths(count: number): Promise<{ store: SampleStore; paths: StorePath[] }> {
    const store = createSampleStore();
    const names = Array.from({ length: 4 * count }, (_, index) => `path-${index}`);
    return { store, paths: await addToSource(store, names) };
  }

  /** Each refers to the two before it. */
  async function addToSource(store: SampleStore, names: readonly string[]): Promise<StorePath[]> {
    const added: StorePath[] = [];
    for (const [index, name] of names.entries()) {
      const size = index % largeEvery === largeEvery - 1 ? 7_000_000 : 1 + ((index * 997) % 50_000);
      added.push(await store.add(name, added.slice(-2), randomBytes(size >> 1).toString('hex')));
    }
    const to = await openBinaryCacheStore(createFilesystemBackend(join(directory, 'source')), {
      settings: { compression: 'none' },
    });
    const { failed } = await copy(store, to, store.paths.keys());
    expect(failed).toBe(0);
    return added;
  }

  /** How long a hook lives, on this machine, now. */
  async function measureHook(acknowledged: StorePath[], paths: readonly StorePath[]): Promise<number> {
    const startMs = performance.now();
    expect(await startHook(paths, env).ended).toMatchObject({ exitCode: 0, errors: '' });
    acknowledged.push(...paths);
    return performance.now() - startMs;
  }
});

/** Numbers from 0 up to 1 that follow from a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
