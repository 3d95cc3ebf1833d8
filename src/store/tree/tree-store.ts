/**
 * A directory of store paths without a database: a fixture, a chroot, a mounted disk, a restored closure.
 *
 * @module
 */
import { lstat, mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pMap from 'p-map';
import { messageOf } from '../../errors.ts';
import { resolvePath } from '../../file-system/byte-path.ts';
import { restorePath } from '../../file-system/index.ts';
import { removeTree } from '../../file-system/remove-tree.ts';
import { type HashPartIndex, indexHashParts } from '../../nar/reference-scan.ts';
import type { PathInfo } from '../../path-info.ts';
import { defaultStoreDir, isStorePathHashPart, type StorePath, storePathHashPart } from '../../store-path.ts';
import { checkedNar } from '../checked-nar.ts';
import { dumpStorePath } from '../dump-store-path.ts';
import type { WritableStore } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { scanPathInfo } from './scan-path-info.ts';
import { readStoreNames } from './store-names.ts';

/** Reading is synchronous in slices; more at a time would only hold more buffers. */
const scanConcurrency = 4;

/** How to open a directory of store paths. */
export interface TreeStoreOptions {
  /** The directory in which paths lie by their base names. */
  readonly directory: string;
  /** The store directory that the paths belong to. Default `/nix/store`. */
  readonly storeDir?: string | undefined;
  /** Make the directory when it is not there. Default `false`. */
  readonly create?: boolean | undefined;
}

/**
 * Open a directory of store paths.
 *
 * It has no records: hash and references of a path are found by reading all of it, once for as long as the store is open. Derivers,
 * signatures and content addresses are unknown, and are lost when a path is copied into it.
 *
 * @throws {@link StoreError} `store-absent` when there is no such directory, `store-unreadable`, `store-unwritable` when it cannot be made.
 * @example
 * ```ts
 * import { mkdtemp, rm, writeFile } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { openTreeStore } from 'narkit/store';
 *
 * const directory = await mkdtemp(join(tmpdir(), 'tree-'));
 * await writeFile(join(directory, 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-hello'), 'hello\n');
 * const store = await openTreeStore({ directory });
 * for await (const path of store.queryAllValidPaths()) {
 *   const info = await store.queryPathInfo(path);
 *   if (info?.narSize !== 120) throw new Error('unexpected');
 * }
 * await rm(directory, { recursive: true });
 * ```
 */
export async function openTreeStore(options: TreeStoreOptions): Promise<WritableStore> {
  const realStoreDir = resolve(options.directory);
  const storeDir = options.storeDir ?? defaultStoreDir;
  const uri = `tree:${realStoreDir}`;
  const files = { uri, storeDir, realStoreDir };

  if (options.create) await createDirectory(realStoreDir, uri);
  let names = await readStoreNames(realStoreDir, uri);
  /** Of the names; made when a path is scanned. */
  let index: HashPartIndex | undefined;
  let infos = new Map<StorePath, PathInfo>();

  /** What was scanned before a path came may refer to it. */
  async function readNames(): Promise<void> {
    const before = names;
    names = await readStoreNames(realStoreDir, uri);
    index = undefined;
    for (const [hashPart, path] of names) if (before.get(hashPart) !== path) infos = new Map();
  }

  async function isThere(path: StorePath): Promise<boolean> {
    if (!(await exists(join(realStoreDir, path)))) return false;
    if (names.get(storePathHashPart(path)) !== path) await readNames();
    return names.get(storePathHashPart(path)) === path;
  }

  async function queryPathInfo(path: StorePath, signal: AbortSignal | undefined): Promise<PathInfo | undefined> {
    signal?.throwIfAborted();
    if (!(await isThere(path))) return undefined;
    const known = infos.get(path);
    if (known) return known;
    const cache = infos;
    try {
      index ??= indexHashParts(names.keys());
      const info = await scanPathInfo(path, files, names, index, { signal });
      cache.set(path, info);
      return info;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'path-absent') return undefined;
      throw error;
    }
  }

  return {
    uri,
    storeDir,

    queryPathInfo: (path, { signal } = {}) => queryPathInfo(path, signal),

    async queryPathInfos(paths, { signal, onError } = {}) {
      const found = new Map<StorePath, PathInfo>();
      const query = async (path: StorePath): Promise<void> => {
        try {
          const info = await queryPathInfo(path, signal);
          if (info) found.set(path, info);
        } catch (error) {
          if (!onError || signal?.aborted) throw error;
          onError(path, error);
        }
      };
      await pMap(paths, query, { concurrency: scanConcurrency });
      return found;
    },

    async queryPathFromHashPart(hashPart) {
      if (!isStorePathHashPart(hashPart)) throw new TypeError(`'${hashPart}' is not the hash part of a store path`);
      if (!names.has(hashPart)) await readNames();
      const path = names.get(hashPart);
      return path !== undefined && (await exists(join(realStoreDir, path))) ? path : undefined;
    },

    async *queryAllValidPaths({ signal } = {}) {
      await readNames();
      for (const path of [...names.values()].sort()) {
        signal?.throwIfAborted();
        yield path;
      }
    },

    narFromPath: (path, options) => dumpStorePath(path, files, options),

    async prepare(info, openNar, { compressedNar, signal } = {}) {
      const temporary = join(realStoreDir, `.narkit-${crypto.randomUUID()}`);
      const nar =
        compressedNar === undefined
          ? checkedNar(openNar(), info, files)
          : (await import('../unpack-nar.ts')).unpackWholeNar(compressedNar, info, storeDir, { signal });
      await restorePath(nar, temporary, { canonical: true, signal });
      const remove = (): void => removeTree(resolvePath(temporary));
      return {
        async publish() {
          const destination = join(realStoreDir, info.path);
          // Somebody else was faster: what has the path's name has its contents.
          if (await exists(destination)) remove();
          else await rename(temporary, destination);
        },
        async abandon() {
          remove();
        },
      };
    },

    /** There is nowhere to keep them. */
    addSignatures: async () => false,

    close: async () => {},
  };
}

async function createDirectory(directory: string, uri: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    const message = `cannot make the directory '${directory}': ${messageOf(error)}`;
    throw new StoreError('store-unwritable', message, { uri, cause: error });
  }
}

/** Is there something, be it a dangling link? */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
