/**
 * Where a local Nix keeps its things: store, state and logs, by the URI's parameters and Nix's environment variables.
 *
 * Rules: Nix `src/libstore/include/nix/store/local-fs-store.hh`, `src/libstore/store-api.cc` and `globals.cc`.
 *
 * @module
 */
import { posix } from 'node:path';
import { NarkitError } from '../errors.ts';
import { defaultStoreDir } from '../store-path.ts';

/** Variables by their names, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a local Nix keeps its things; all absolute. */
export interface LocalDirectories {
  /** The store directory that the paths themselves speak of, usually `/nix/store`. */
  readonly storeDir: string;
  /** Where the store directory lies on this file system. */
  readonly realStoreDir: string;
  /** Where the database (`db/db.sqlite`) and the daemon's socket are, usually `/nix/var/nix`. */
  readonly stateDir: string;
  /** Where build logs are, usually `/nix/var/log/nix`. */
  readonly logDir: string;
}

/**
 * The directories of a local store.
 *
 * @param parameters `root`, `store`, `real`, `state` and `log` count; an empty value is none.
 * @param root the directory that the URI itself names, such as `/mnt`; the parameter goes before it.
 * @throws {@link NarkitError} `setting` when a directory is not absolute.
 * @example
 * ```ts
 * localDirectories(new Map([['root', '/mnt']]), {}).realStoreDir; // '/mnt/nix/store'
 * ```
 */
export function localDirectories(
  parameters: ReadonlyMap<string, string>,
  environment: Environment,
  root?: string,
): LocalDirectories {
  const parameter = (name: string): string | undefined =>
    absoluteDirectory(`parameter '${name}'`, parameters.get(name));
  const variable = (name: string): string | undefined => absoluteDirectory(`variable ${name}`, environment[name]);

  const storeDir = parameter('store') ?? defaultStoreDirOf(environment);
  const rootDir = parameter('root') ?? absoluteDirectory('directory', root);
  const inRoot = (directory: string): string | undefined => rootDir && posix.join(rootDir, directory);
  return {
    storeDir,
    realStoreDir: parameter('real') ?? inRoot('nix/store') ?? storeDir,
    stateDir: parameter('state') ?? inRoot('nix/var/nix') ?? variable('NIX_STATE_DIR') ?? '/nix/var/nix',
    logDir: parameter('log') ?? inRoot('nix/var/log/nix') ?? variable('NIX_LOG_DIR') ?? '/nix/var/log/nix',
  };
}

/** The store directory of every store that is not told another: `NIX_STORE_DIR`, `NIX_STORE`, else `/nix/store`. */
export function defaultStoreDirOf(environment: Environment): string {
  return (
    absoluteDirectory('variable NIX_STORE_DIR', environment.NIX_STORE_DIR) ??
    absoluteDirectory('variable NIX_STORE', environment.NIX_STORE) ??
    defaultStoreDir
  );
}

/** `.`, `..`, doubled and trailing slashes taken out, as Nix's `canonPath` does. */
function absoluteDirectory(what: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (value.startsWith('/')) return posix.resolve(value);
  throw new NarkitError('setting', `the ${what} must be an absolute directory, not '${value}'`);
}
