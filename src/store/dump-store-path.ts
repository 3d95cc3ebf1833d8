/**
 * The NAR of a store path that lies in the file system.
 *
 * @module
 */
import { join } from 'node:path';
import type { AbortOptions } from '../abort.ts';
import { dumpPath } from '../file-system/dump.ts';
import { FileSystemError } from '../file-system/file-system-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { StoreError } from './store-error.ts';

/** Where the files of a store lie, and how the store is called. */
export interface FilesOfStore {
  readonly uri: string;
  readonly storeDir: string;
  readonly realStoreDir: string;
}

/**
 * The NAR of a store path, from its files.
 *
 * @throws {@link StoreError} `path-absent` when there is no such file; {@link FileSystemError} when it cannot be read.
 */
export async function* dumpStorePath(
  path: StorePath,
  { uri, storeDir, realStoreDir }: FilesOfStore,
  { signal }: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const realPath = join(realStoreDir, path);
  try {
    yield* dumpPath(realPath, { signal });
  } catch (error) {
    if (!(error instanceof FileSystemError && error.systemCode === 'ENOENT' && error.path === realPath)) throw error;
    const full = formatStorePath(path, storeDir);
    throw new StoreError('path-absent', `the files of path '${full}' are not at '${realPath}'`, {
      uri,
      path: full,
      cause: error,
    });
  }
}
