/**
 * A spool, a source and destinations in a folder of their own, and a worker in this process.
 *
 * @module
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemBackend } from '../../../src/backend/filesystem/index.ts';
import { openBinaryCacheStore } from '../../../src/binary-cache/index.ts';
import { type NarkitConfig, parseNarkitConfig } from '../../../src/config/index.ts';
import { copy } from '../../../src/copy/index.ts';
import {
  openSpool,
  runWorker,
  type Spool,
  type WorkerEvent,
  type WorkerOptions,
  type WorkerResult,
} from '../../../src/queue/index.ts';
import type { StorePath } from '../../../src/store-path.ts';
import { createSampleStore, type SampleStore } from '../../copy/sample-store.ts';

/** How a worker is started. */
export interface WorkerSettings extends Partial<Omit<WorkerOptions, 'config' | 'spool'>> {
  readonly to: readonly string[];
  /** Lines of TOML for the table `queue`. */
  readonly queue?: string;
  /** Other lines of TOML. */
  readonly more?: string;
}

/** A worker that runs. */
export interface RunningWorker {
  readonly events: WorkerEvent[];
  /** As soon as there is an event that is meant. */
  until(isMeant: (event: WorkerEvent) => boolean, count?: number): Promise<void>;
  readonly ended: Promise<WorkerResult>;
  stop(): Promise<WorkerResult>;
}

export interface WorkerPlace {
  readonly directory: string;
  readonly source: SampleStore;
  readonly spool: Spool;
  /** What the source has in memory goes to the cache on disk that workers read. */
  publishSource(): Promise<void>;
  queue(...paths: StorePath[]): Promise<string>;
  config(settings: WorkerSettings): NarkitConfig;
  start(settings: WorkerSettings): RunningWorker;
  /** Run to the end of what waits. */
  drain(settings: WorkerSettings): Promise<WorkerResult & { readonly events: WorkerEvent[] }>;
  /** A destination in the folder, as a URI. */
  cache(name: string): string;
  /** The narinfo files in it. */
  narInfos(name: string): Promise<string[]>;
  remove(): Promise<void>;
}

export async function createWorkerPlace(): Promise<WorkerPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'narkit-worker-'));
  const spool = await openSpool(join(directory, 'queue'), { create: true, gcRootsDirectory: false });
  const source = createSampleStore();
  const sourceDirectory = join(directory, 'source');

  function config({ to, queue = '', more = '' }: WorkerSettings): NarkitConfig {
    const list = to.map((uri) => JSON.stringify(uri)).join(', ');
    const delays = queue.includes('retry-delay') ? '' : 'retry-delay = 0.01\nretry-delay-maximum = 0.1\n';
    const text = `from = "file://${sourceDirectory}"\nto = [${list}]\n${more}\n[queue]\ndirectory = "${spool.directory}"\n`;
    return parseNarkitConfig(`${text}gc-roots = false\n${delays}${queue}`, 'config.toml');
  }

  function start(settings: WorkerSettings): RunningWorker {
    const events: WorkerEvent[] = [];
    const listeners = new Set<() => void>();
    const stop = new AbortController();
    const { to: _to, queue: _queue, more: _more, ...options } = settings;
    const ended = runWorker({
      signal: stop.signal,
      env: { ...process.env },
      ...options,
      config: config(settings),
      spool,
      onEvent(event) {
        events.push(event);
        for (const listener of listeners) listener();
      },
    });
    ended.catch(() => {});
    return {
      events,
      ended,
      async until(isMeant, count = 1) {
        const isThere = (): boolean => events.filter(isMeant).length >= count;
        if (isThere()) return;
        const seen = new Promise<void>((resolve) => {
          listeners.add(() => {
            if (isThere()) resolve();
          });
        });
        await Promise.race([
          seen,
          ended.then(() => {
            throw new Error(`the worker ended: ${JSON.stringify(events.slice(-20))}`);
          }),
        ]);
      },
      stop() {
        stop.abort();
        return ended;
      },
    };
  }

  return {
    directory,
    source,
    spool,
    async publishSource() {
      const to = await openBinaryCacheStore(createFilesystemBackend(sourceDirectory), {
        settings: { compression: 'none' },
      });
      const { outcomes } = await copy(source, to, source.paths.keys(), { recursive: true });
      for (const { error } of outcomes) if (error !== undefined) throw error;
    },
    queue: (...paths) => spool.addRecord({ storeDir: '/nix/store', paths }),
    config,
    start,
    async drain(settings) {
      const worker = start({ ...settings, once: true });
      return { ...(await worker.ended), events: worker.events };
    },
    cache: (name) => `file://${join(directory, name)}?compression=none`,
    async narInfos(name) {
      const names = await readdir(join(directory, name)).catch(() => []);
      return names.filter((file) => file.endsWith('.narinfo')).sort();
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Events of a kind, and of a path where one is named. */
export function isEvent(type: WorkerEvent['type'], path?: StorePath): (event: WorkerEvent) => boolean {
  return (event) => event.type === type && (path === undefined || ('path' in event && event.path === path));
}
