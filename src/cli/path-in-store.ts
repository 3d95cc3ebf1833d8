/**
 * Something inside of a store path, as a person names it on the command line.
 *
 * @module
 */
import { readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseStorePathBaseName, type StorePath, StorePathError } from '../store-path.ts';

/** A chain of links longer than this is a circle. */
const maximumLinks = 40;

/** A place in a store path. */
export interface PathInStore {
  readonly storePath: StorePath;
  /** What follows the store path, for `canonicalNarPath`. */
  readonly rest: string;
}

/**
 * Where an argument leads: `/nix/store/…-hello/bin/hello` as Nix takes it, the same without the store directory, or through a symlink
 * such as `./result/bin/hello`. No link inside of the store path is followed.
 *
 * @throws {@link StorePathError} when it leads to no store path.
 */
export async function resolvePathInStore(argument: string, storeDir: string): Promise<PathInStore> {
  const prefix = `${storeDir}/`;
  if (argument.startsWith(prefix)) return splitPath(argument.slice(prefix.length));
  if (/^[0-9a-z]{32}-[^/]+(\/|$)/.test(argument)) return splitPath(argument);
  let path: string | undefined = resolve(argument);
  for (let links = 0; path !== undefined && links < maximumLinks; links++) {
    path = await followFirstLink(path);
    if (path?.startsWith(prefix)) return splitPath(path.slice(prefix.length));
  }
  throw new StorePathError(argument, `it is not in the store directory '${storeDir}'`);
}

function splitPath(path: string): PathInStore {
  const end = path.indexOf('/');
  const baseName = end === -1 ? path : path.slice(0, end);
  return { storePath: parseStorePathBaseName(baseName), rest: end === -1 ? '' : path.slice(end) };
}

/** The path with its first link replaced by what the link names, or `undefined` when there is none in it. */
async function followFirstLink(path: string): Promise<string | undefined> {
  const names = path.split('/');
  for (let length = 2; length <= names.length; length++) {
    const start = names.slice(0, length).join('/');
    const target = await readlink(start).catch(() => undefined);
    if (target !== undefined) return join(resolve(dirname(start), target), ...names.slice(length));
  }
  return undefined;
}
