/**
 * The stores of the local Nix by their URIs: `daemon`, `local`, `auto`.
 *
 * @module
 */
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { readBuildLog } from './build-log.ts';
import type { DaemonStore } from './daemon/daemon-store.ts';
import { type Environment, type LocalDirectories, localDirectories } from './local-directories.ts';
import { type OpenUriOptions, warnOfUnknownParameters } from './open-store-options.ts';
import type { Store, WritableStore } from './store.ts';
import { StoreError } from './store-error.ts';
import { formatStoreUri, parseStoreUri, type StoreUri, storeUriPath } from './store-uri.ts';

/** Who accepts a connection and is silent for longer is no daemon that `auto` would wait for. */
const daemonGreetingTimeoutMs = 10_000;

const directoryParameters = ['store', 'root', 'state', 'log', 'real'];
/** Settings of Nix's own that change nothing for a reader. */
const localParameters = [
  ...directoryParameters,
  'require-sigs',
  'read-only',
  'ignore-gc-delete-failure',
  'use-roots-daemon',
  'build-dir',
];
const daemonParameters = [...directoryParameters, 'max-connections', 'max-connection-age'];

/** `daemon`, `unix://…`: the local Nix behind its daemon. */
export async function openDaemonUri(uri: StoreUri, options: OpenUriOptions): Promise<WritableStore> {
  warnOfUnknownParameters(uri.parameters, daemonParameters, options);
  const { env, signal, dontCheckSigs } = options;
  const directories = localDirectories(uri.parameters, env);
  const { storeDir, stateDir } = directories;
  const path = storeUriPath(uri);
  const socketPath = path === undefined ? daemonSocketPath(stateDir, env) : resolve(path);
  const { openDaemonStore } = await import('./daemon/index.ts');
  const daemon = await openDaemonStore({ socketPath, storeDir, environment: env, signal, dontCheckSigs });
  return withLocalFiles(daemon, directories);
}

/** `local`, a bare directory: the local Nix through its database. */
export async function openLocalUri(uri: StoreUri, options: OpenUriOptions): Promise<Store> {
  warnOfUnknownParameters(uri.parameters, localParameters, options);
  const path = storeUriPath(uri);
  const directories = localDirectories(uri.parameters, options.env, path && resolve(path));
  const { openDatabaseStore } = await import('./database/index.ts');
  return openDatabaseStore({ ...directories, uri: formatStoreUri(uri) });
}

/**
 * `auto`: the daemon, else the database, else the files of the store directory.
 *
 * Nix itself opens the database where it may write it, and asks the daemon otherwise. Here the daemon goes first for everybody:
 * its answers are those of the Nix that writes, on every version of Node, and it can take paths. A database that is there and broken
 * is an error: what lies on disk beside it may be the half of a build.
 *
 * @throws {@link StoreError} `store-absent` when there is none of them, with what kept each from being used.
 */
export async function openAutoUri(uri: StoreUri, options: OpenUriOptions): Promise<Store> {
  warnOfUnknownParameters(uri.parameters, [...localParameters, ...daemonParameters], options);
  const { env, onWarning } = options;
  const userRoot = await findUserRoot(uri, env);
  const directories = localDirectories(uri.parameters, env, userRoot);
  const localUri = formatStoreUri({ ...(userRoot ? parseStoreUri(userRoot) : uri), scheme: 'local' });
  const reasons: string[] = [];

  const daemon = await openDaemonIfItAnswers(uri, directories, options, reasons);
  if (daemon) return withLocalFiles(daemon, directories);
  const database = await openDatabaseIfItCan(directories, localUri, reasons);
  if (database) return database;

  const { realStoreDir: directory, storeDir } = directories;
  if (!(await exists(directory))) {
    reasons.push(`there is no directory '${directory}'`);
    throw new StoreError('store-absent', `there is no Nix store: ${reasons.join('; ')}`, { uri: 'auto' });
  }
  onWarning?.(
    `reading all files of store paths in '${directory}' to find their hashes and references, because ${reasons.join('; ')}`,
  );
  const { openTreeStore } = await import('./tree/index.ts');
  // Not for writing: what is not in the database is to Nix not in the store.
  const { prepare: _, addSignatures: __, ...tree } = await openTreeStore({ directory, storeDir });
  return withBuildLogs(tree, directories.logDir);
}

/**
 * The daemon sends no logs, and NARs it sends through a socket at half the speed; Nix's clients, too, read both where they lie
 * (`UDSRemoteStore` of `src/libstore/uds-remote-store.hh`).
 */
function withLocalFiles(daemon: DaemonStore, { realStoreDir, logDir }: LocalDirectories): WritableStore {
  const { uri, storeDir } = daemon;
  return withBuildLogs(
    {
      ...daemon,
      async *narFromPath(path, options = {}) {
        const isHere = await exists(join(realStoreDir, path));
        const isValid = isHere && (await daemon.queryValidPaths([path], options)).has(path);
        // The daemon may run elsewhere; of a path that is not valid it says so.
        if (!isValid) return yield* daemon.narFromPath(path, options);
        const { dumpStorePath } = await import('./dump-store-path.ts');
        yield* dumpStorePath(path, { uri, storeDir, realStoreDir }, options);
      },
    },
    logDir,
  );
}

/** The logs lie beside the store. */
function withBuildLogs<LocalStore extends Store>(store: LocalStore, logDir: string): LocalStore {
  return { ...store, queryBuildLog: (derivation, options) => readBuildLog(logDir, derivation, options) };
}

async function openDaemonIfItAnswers(
  uri: StoreUri,
  { storeDir, stateDir }: LocalDirectories,
  { env, signal, dontCheckSigs }: OpenUriOptions,
  reasons: string[],
): Promise<DaemonStore | undefined> {
  // The variable means the daemon of the usual store.
  const isUsual = !directoryParameters.some((name) => uri.parameters.has(name));
  const socketPath = daemonSocketPath(stateDir, isUsual ? env : {});
  if (!(await exists(socketPath))) {
    reasons.push(`there is no daemon at '${socketPath}'`);
    return undefined;
  }
  const { openDaemonStore } = await import('./daemon/index.ts');
  const greeting = new AbortController();
  const silence = new Error(`the daemon at '${socketPath}' said nothing for ${daemonGreetingTimeoutMs} ms`);
  const timer = setTimeout(() => greeting.abort(silence), daemonGreetingTimeoutMs);
  try {
    const signals = AbortSignal.any(signal ? [signal, greeting.signal] : [greeting.signal]);
    return await openDaemonStore({ socketPath, storeDir, environment: env, signal: signals, dontCheckSigs });
  } catch (error) {
    signal?.throwIfAborted();
    if (error !== silence && !(error instanceof StoreError)) throw error;
    reasons.push(messageOf(error));
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function openDatabaseIfItCan(
  directories: LocalDirectories,
  uri: string,
  reasons: string[],
): Promise<Store | undefined> {
  const { openDatabaseStore } = await import('./database/index.ts');
  try {
    return await openDatabaseStore({ ...directories, uri });
  } catch (error) {
    if (!(error instanceof StoreError && /^database-(absent|unavailable|unreadable)$/.test(error.code))) throw error;
    reasons.push(error.message);
    return undefined;
  }
}

/** The root of a user's own store, which Nix makes where the system has none (`resolveStoreConfig` in `store-registration.cc`). */
async function findUserRoot({ parameters }: StoreUri, env: Environment): Promise<string | undefined> {
  const isTold = parameters.size > 0 || env.NIX_STORE_DIR || env.NIX_STATE_DIR;
  if (isTold || process.getuid?.() === 0 || (await exists(localDirectories(parameters, env).stateDir)))
    return undefined;
  const dataHome = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local/share');
  const root = join(env.NIX_DATA_HOME || join(dataHome, 'nix'), 'root');
  return (await exists(root)) ? root : undefined;
}

function daemonSocketPath(stateDir: string, env: Environment): string {
  return env.NIX_DAEMON_SOCKET_PATH || join(stateDir, 'daemon-socket/socket');
}

/** Can this user see that it is there? */
async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
