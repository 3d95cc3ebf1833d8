/**
 * The store paths that a person names on the command line.
 *
 * @module
 */
import { lstat, readlink, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
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
  const isThere = await lstat(argument).then(
    () => true,
    () => false,
  );
  throw new StorePathError(
    argument,
    isThere
      ? `it is not in the store directory '${storeDir}'`
      : 'there is no such file, and it is not the name of a store path',
  );
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
  const { signal } = context;
  const { paths: named, stdin, all } = given;
  const paths = new Set<StorePath>();
  if (all) {
    if (named.length > 0 || stdin) throw new UsageError("'--all' takes no paths besides: it is all of them");
    for await (const path of store.queryAllValidPaths({ signal })) paths.add(path);
    return paths;
  }
  if (!stdin && named.length === 0) throw new UsageError("name at least one store path, or use '--stdin' or '--all'");
  for (const argument of named) paths.add(await resolveStorePath(argument, store.storeDir));
  if (stdin) for await (const word of readWords(context)) paths.add(await resolveStorePath(word, store.storeDir));
  return paths;
}

async function* readWords({ stdin, stderr, signal }: Context): AsyncGenerator<string> {
  if (stdin.isTTY) stderr.write('reading store paths, one a line; Ctrl-D ends them\n');
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
  try {
    for await (const line of lines) yield* line.split(/\s+/).filter((word) => word !== '');
  } finally {
    lines.close();
  }
  signal.throwIfAborted();
}
