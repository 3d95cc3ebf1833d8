/**
 * What lies in a directory of store paths.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { messageOf } from '../../errors.ts';
import { parseStorePathBaseName, type StorePath, StorePathError, storePathHashPart } from '../../store-path.ts';
import { StoreError } from '../store-error.ts';

/**
 * The store paths of a directory by their hash parts; other names are left out.
 *
 * No two store paths share a hash part. Where names do, the longer ones are what Nix lays beside a path while it works on it
 * (`<path>.lock`, `<path>.check`, `<path>.chroot`).
 *
 * @throws {@link StoreError} `store-absent` when there is no such directory, `store-unreadable`.
 */
export async function readStoreNames(directory: string, uri: string): Promise<ReadonlyMap<string, StorePath>> {
  const names = new Map<string, StorePath>();
  for (const name of await readNames(directory, uri)) {
    const path = asStorePath(name);
    if (path === undefined) continue;
    const hashPart = storePathHashPart(path);
    const other = names.get(hashPart);
    if (other === undefined || path.length < other.length) names.set(hashPart, path);
  }
  return names;
}

async function readNames(directory: string, uri: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new StoreError('store-absent', `there is no directory '${directory}'`, { uri, cause: error });
    const message = `cannot read the directory '${directory}': ${messageOf(error)}`;
    throw new StoreError('store-unreadable', message, { uri, cause: error });
  }
}

function asStorePath(name: string): StorePath | undefined {
  try {
    return parseStorePathBaseName(name);
  } catch (error) {
    if (error instanceof StorePathError) return undefined;
    throw error;
  }
}
