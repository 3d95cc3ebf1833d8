/**
 * The spool: a directory of records, written by hooks, read by one worker.
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '../abort.ts';
import { messageOf } from '../errors.ts';
import { formatStorePath } from '../store-path.ts';
import { addRecord, makeSpool } from './add-record.cts';
import { fileNames } from './file-names.ts';
import { defaultGcRootsDirectory, gcRootNames } from './gc-roots.cts';
import { QueueError } from './queue-error.ts';
import { maximumRecordPaths, parseRecordId, type QueueRecord, readRecordFile } from './record.ts';
import { sweepSpool } from './sweep.ts';

/** A directory of records. Any number of processes may add to it; who removes, sweeps and watches is the holder of its lock. */
export interface Spool {
  readonly directory: string;
  /** Where the roots of what waits are; `false` when there are none. */
  readonly gcRootsDirectory: string | false;
  /** Oldest first, from the names alone. */
  listRecordIds(): Promise<string[]>;
  /** In no order, a few at a time: for who does not want a hundred thousand of them in memory. */
  recordIds(): AsyncIterable<string>;
  /**
   * A record; `undefined` when it is no longer there.
   *
   * @throws {@link QueueError} `record-damaged` when it cannot be read. It lies in `damaged/` from then on.
   */
  readRecord(id: string): Promise<QueueRecord | undefined>;
  /**
   * Add a record and its roots; on disk for good when this returns.
   *
   * @returns its id.
   * @throws {@link QueueError} `spool` when the directory cannot take it.
   * @throws RangeError when it has no path, or more than {@link maximumRecordPaths}.
   */
  addRecord(record: Omit<QueueRecord, 'id' | 'timeMs'>): Promise<string>;
  /** Remove a record, then its roots. */
  removeRecord(id: string): Promise<void>;
  /**
   * Remove what dead processes left, unfinished records and roots without a record; make the roots that records lack; move what is no
   * record out of the way, to `damaged/`.
   */
  sweep(options?: SweepOptions): Promise<void>;
  /**
   * Call back when records or commands may have come: with the id of a record, where that is all that changed. Where the directory cannot
   * be watched, every two seconds.
   */
  watch(onChange: (id?: string) => void): SpoolWatch;
}

/** What a sweep takes. */
export interface SweepOptions extends AbortOptions {
  /**
   * What is younger is left alone, even when its process seems dead: that may be in another container. A minute when absent. What is
   * older than a day goes even when a process has the number of its own.
   */
  readonly olderThanMs?: number | undefined;
}

/** A watch that is on until it is closed. It does not keep the process alive. */
export interface SpoolWatch {
  /** End it. */
  close(): void;
}

/** How to open a spool. */
export interface OpenSpoolOptions {
  /** Where roots for the garbage collector go, `false` for none. {@link defaultGcRootsDirectory} when absent. */
  readonly gcRootsDirectory?: string | false | undefined;
  /** Make the directory where there is none. */
  readonly create?: boolean | undefined;
}

/**
 * Open a spool.
 *
 * @throws {@link QueueError} `spool` when the directory is not there, or cannot be used.
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises';
 * import { openSpool } from 'narkit/queue';
 * import { parseStorePathBaseName } from 'narkit';
 *
 * const spool = await openSpool(await mkdtemp('/tmp/spool-'), { create: true, gcRootsDirectory: false });
 * const path = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
 * const id = await spool.addRecord({ storeDir: '/nix/store', paths: [path] });
 * if ((await spool.readRecord(id))?.paths[0] !== path) throw new Error('unexpected');
 * ```
 */
export async function openSpool(directory: string, options: OpenSpoolOptions = {}): Promise<Spool> {
  const gcRootsDirectory = options.gcRootsDirectory ?? defaultGcRootsDirectory(process.env);
  try {
    if (options.create) makeSpool(directory);
    if (!(await stat(directory)).isDirectory()) throw new Error('it is not a directory');
  } catch (error) {
    throw new QueueError('spool', directory, `the queue '${directory}' cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const incoming = join(directory, 'incoming');
  const damaged = join(directory, 'damaged');

  async function* recordIds(): AsyncGenerator<string> {
    for await (const name of fileNames(incoming)) {
      const id = name.slice(0, -'.json'.length);
      if (name.endsWith('.json') && parseRecordId(id) !== undefined) yield id;
    }
  }

  return {
    directory,
    gcRootsDirectory,
    recordIds,
    async listRecordIds() {
      const ids: string[] = [];
      for await (const id of recordIds()) ids.push(id);
      return ids.sort();
    },
    async readRecord(id) {
      const path = join(incoming, `${id}.json`);
      try {
        return await readRecordFile(path, id);
      } catch (error) {
        if (!(error instanceof QueueError) || error.code !== 'record-damaged') throw error;
        await mkdir(damaged, { recursive: true });
        await rename(path, join(damaged, `${id}.json`));
        throw error;
      }
    },
    async addRecord({ storeDir, paths, derivation, tag }) {
      if (paths.length === 0 || paths.length > maximumRecordPaths)
        throw new RangeError(`a record has 1 to ${maximumRecordPaths} paths, not ${paths.length}`);
      const format = (path: QueueRecord['paths'][number]): string => formatStorePath(path, storeDir);
      try {
        return addRecord(
          { directory, gcRootsDirectory },
          { storeDir, paths: paths.map(format), derivation: derivation && format(derivation), tag },
        );
      } catch (error) {
        throw new QueueError('spool', directory, messageOf(error), { cause: error });
      }
    },
    async removeRecord(id) {
      await rm(join(incoming, `${id}.json`), { force: true });
      if (gcRootsDirectory === false) return;
      for (const name of gcRootNames(id, parseRecordId(id)?.pathCount ?? 0))
        await rm(join(gcRootsDirectory, name), { force: true });
    },
    sweep: ({ olderThanMs = 60_000, signal } = {}) =>
      sweepSpool({ directory, gcRootsDirectory }, olderThanMs, { signal }),
    watch: (onChange) =>
      watchFolders([incoming, join(directory, 'commands')], (folder, name) => {
        const id = folder === incoming ? name?.replace(/\.json$/, '') : undefined;
        onChange(id !== undefined && parseRecordId(id) !== undefined ? id : undefined);
      }),
  };
}

const pollMs = 2_000;

function watchFolders(
  folders: readonly string[],
  onChange: (folder?: string, name?: string | null) => void,
): SpoolWatch {
  let timer: NodeJS.Timeout | undefined;
  const watchers: FSWatcher[] = [];
  const poll = (): void => {
    timer ??= setInterval(() => onChange(), pollMs).unref();
  };
  for (const folder of folders) {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => onChange(folder, name));
      watcher.on('error', poll);
      watchers.push(watcher);
    } catch {
      poll();
    }
  }
  return {
    close() {
      clearInterval(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
