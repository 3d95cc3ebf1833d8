/**
 * The store paths that a person names on the command line.
 *
 * @module
 */
import { readlink, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Store } from '../store/store.ts';
import { parseStorePathBaseName, type StorePath, StorePathError } from '../store-path.ts';
import { type Context, UsageError } from './context.ts';

/**
 * The store path that an argument names: a store path, its base name, something inside of one, or a symlink to any of these
 * (`./result`), as Nix follows them (`src/libstore/store-api.cc`, `followLinksToStorePath`).
 *
 * @throws {@link StorePathError} when it names none.
 */
export async function resolveStorePath(argument: string, storeDir: string): Promise<StorePath> {
  if (/^[0-9a-z]{32}-[^/]+$/.test(argument)) return parseStorePathBaseName(argument);
  const prefix = `${storeDir}/`;
  // A chain of links longer than this is a circle.
  for (let path = resolve(argument), hops = 0; hops < 40; hops++) {
    if (path.startsWith(prefix)) return parseStorePathBaseName(path.slice(prefix.length).split('/', 1)[0]!);
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) break;
    path = resolve(dirname(path), target);
  }
  const real = await realpath(argument).catch(() => argument);
  if (real.startsWith(prefix)) return parseStorePathBaseName(real.slice(prefix.length).split('/', 1)[0]!);
  throw new StorePathError(argument, `it is not in the store directory '${storeDir}'`);
}

/** Where the paths of a command come from. */
export interface PathArguments {
  readonly paths: readonly string[];
  readonly stdin?: boolean | undefined;
  readonly all?: boolean | undefined;
}

/**
 * All store paths that a command is to work on.
 *
 * @throws {@link UsageError} when there is none named, or more than one way is used.
 */
export async function collectStorePaths(context: Context, store: Store, given: PathArguments): Promise<Set<StorePath>> {
  if (given.all && (given.paths.length > 0 || given.stdin))
    throw new UsageError("'--all' takes no paths besides: it is all of them");
  if (given.all) {
    const all = new Set<StorePath>();
    for await (const path of store.queryAllValidPaths({ signal: context.signal })) all.add(path);
    return all;
  }
  if (!given.stdin && given.paths.length === 0)
    throw new UsageError("name at least one store path, or use '--stdin' or '--all'");
  const paths = new Set<StorePath>();
  for (const argument of given.paths) paths.add(await resolveStorePath(argument, store.storeDir));
  if (given.stdin) {
    for await (const line of createInterface({ input: context.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      for (const word of line.split(/\s+/).filter((word) => word !== ''))
        paths.add(await resolveStorePath(word, store.storeDir));
    }
  }
  return paths;
}
