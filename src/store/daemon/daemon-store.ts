/**
 * The local Nix behind its daemon: a store that is read and written over a Unix domain socket.
 *
 * @module
 */
import { join } from 'node:path';
import type { AbortOptions } from '../../abort.ts';
import { formatStorePath, isStorePathHashPart, type StorePath } from '../../store-path.ts';
import { checkedNar } from '../checked-nar.ts';
import { defaultStoreDirOf, type Environment, localDirectories } from '../local-directories.ts';
import type { WritableStore } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { formatStoreUri } from '../store-uri.ts';
import { addToStore } from './add-to-store.ts';
import type { ConnectionSettings } from './connection.ts';
import { createConnectionPool } from './connection-pool.ts';
import type { DaemonMessage } from './messages.ts';
import { narFromPath } from './nar-from-path.ts';
import { newestProtocolMinor, oldestProtocolMinor, operation, since } from './protocol.ts';
import { queryPathInfos } from './query-path-infos.ts';
import { sendFramed } from './send-stream.ts';
import { createTempRoots } from './temp-roots.ts';
import { type DaemonInfo, readOptionalStorePath, readStorePath, writeStorePaths } from './wire-values.ts';
import { WireWriter } from './wire-writer.ts';

/** Where the daemon is, and how to talk to it. */
export interface DaemonStoreOptions extends AbortOptions {
  /** @default `NIX_DAEMON_SOCKET_PATH`, else `daemon-socket/socket` in the state directory */
  readonly socketPath?: string | undefined;
  /** The daemon does not tell its store directory: a client has to know. @default `NIX_STORE_DIR`, else `/nix/store` */
  readonly storeDir?: string | undefined;
  /** Import paths that no key signed which the daemon trusts. It obeys only `trusted-users`. @default false */
  readonly dontCheckSigs?: boolean | undefined;
  /** How many NARs go in or out at a time; whoever wants more waits. @default 8 */
  readonly maximumTransfers?: number | undefined;
  /** How long the daemon may keep silent where it has to speak. @default 600_000 */
  readonly silenceTimeoutMs?: number | undefined;
  /** Speak no newer version of the worker protocol than 1.x, with x from 21. @default 38 */
  readonly protocolMinor?: number | undefined;
  /** Told what the daemon logs and does. @default nothing */
  readonly onMessage?: ((message: DaemonMessage) => void) | undefined;
  /** @default `process.env` */
  readonly environment?: Environment | undefined;
}

/** The store of a daemon. */
export interface DaemonStore extends WritableStore {
  /** What the daemon told of itself. */
  readonly daemon: DaemonInfo;
  /** The version of the worker protocol that is spoken: 1.x. */
  readonly protocolMinor: number;
  /** Those of `paths` that are there. */
  queryValidPaths(paths: Iterable<StorePath>, options?: AbortOptions): Promise<Set<StorePath>>;
  /**
   * The outputs of a derivation by name; `undefined` for one whose path is not known before it is built.
   *
   * @throws {@link StoreError} `daemon-version` before protocol 1.22.
   */
  queryDerivationOutputMap(derivation: StorePath, options?: AbortOptions): Promise<Map<string, StorePath | undefined>>;
  /** Keep the garbage collector from a path until the store is closed. */
  addTempRoot(path: StorePath): Promise<void>;
  addBuildLog(derivation: StorePath, log: Uint8Array, options?: AbortOptions): Promise<void>;
}

/** Connections for questions, so that none waits for a NAR. One takes many path infos at a time: more would not be faster. */
const maximumQueries = 4;
/** Paths in one question. */
const maximumPathsAsked = 10_000;

/**
 * Connect to a daemon.
 *
 * @throws {@link StoreError} `daemon-unreachable` and others that name the socket.
 * @example
 * ```ts no-run
 * const store = await openDaemonStore();
 * for await (const path of store.queryAllValidPaths()) console.log(formatStorePath(path));
 * await store.close();
 * ```
 */
export async function openDaemonStore(options: DaemonStoreOptions = {}): Promise<DaemonStore> {
  const { environment = process.env, maximumTransfers = 8 } = options;
  if (!(maximumTransfers >= 1)) throw new RangeError(`maximumTransfers must be at least 1, not ${maximumTransfers}`);
  const storeDir = options.storeDir ?? defaultStoreDirOf(environment);
  const settings = connectionSettings(options, environment);
  const { uri } = settings;
  const queries = createConnectionPool(settings, maximumQueries);
  const transfers = createConnectionPool(settings, maximumTransfers);
  const roots = createTempRoots(settings, storeDir);
  const { daemon, protocolMinor } = await queries.use(async (connection) => connection, options);

  const full = (path: StorePath): string => formatStorePath(path, storeDir);

  function requireProtocol(minor: number, what: string): void {
    if (protocolMinor >= minor) return;
    const message = `nix-daemon at '${settings.socketPath}' is too old ${what}: it speaks 1.${protocolMinor} of the worker protocol, not 1.${minor}`;
    throw new StoreError('daemon-version', message, { uri });
  }

  const store: DaemonStore = {
    uri,
    storeDir,
    daemon,
    protocolMinor,

    async queryPathInfo(path, queryOptions) {
      return (await store.queryPathInfos([path], queryOptions)).get(path);
    },

    queryPathInfos(paths, queryOptions = {}) {
      const { onError } = queryOptions;
      return queries.use((connection) => queryPathInfos(connection, paths, storeDir, onError), queryOptions);
    },

    async queryPathFromHashPart(hashPart, queryOptions) {
      if (!isStorePathHashPart(hashPart)) throw new TypeError(`'${hashPart}' is not the hash part of a store path`);
      return queries.use(
        (connection) =>
          connection.perform(
            (writer) => writer.writeUint64(operation.queryPathFromHashPart).writeString(hashPart),
            (reader) => readOptionalStorePath(reader, storeDir),
          ),
        queryOptions,
      );
    },

    async queryValidPaths(paths, queryOptions) {
      const valid = new Set<StorePath>();
      const all = [...new Set(paths)];
      for (let start = 0; start < all.length; start += maximumPathsAsked) {
        const asked = all.slice(start, start + maximumPathsAsked);
        const found = await queries.use(
          (connection) =>
            connection.perform(
              (writer) => {
                writer.writeUint64(operation.queryValidPaths);
                writeStorePaths(writer, asked, storeDir);
                if (connection.protocolMinor >= since.substituteFlag) writer.writeBoolean(false);
              },
              (reader) => reader.readList(() => readStorePath(reader, storeDir)),
            ),
          queryOptions,
        );
        for (const path of found) valid.add(path);
      }
      return valid;
    },

    async *queryAllValidPaths(queryOptions) {
      const loan = await queries.lend(queryOptions);
      const { reader } = loan.connection;
      try {
        let left = await loan.connection.perform(
          (writer) => writer.writeUint64(operation.queryAllValidPaths),
          () => reader.readCount(Number.MAX_SAFE_INTEGER),
        );
        for (; left > 0; left--) yield await readStorePath(reader, storeDir);
        loan.end();
      } catch (error) {
        throw loan.explain(error);
      } finally {
        loan.drop();
      }
    },

    async queryDerivationOutputMap(derivation, queryOptions) {
      requireProtocol(since.queryDerivationOutputMap, 'to tell the outputs of a derivation');
      return queries.use(
        (connection) =>
          connection.perform(
            (writer) => writer.writeUint64(operation.queryDerivationOutputMap).writeString(full(derivation)),
            (reader) => reader.readMap(() => readOptionalStorePath(reader, storeDir)),
          ),
        queryOptions,
      );
    },

    narFromPath: (path, narOptions) => narFromPath(transfers, path, storeDir, narOptions),

    addTempRoot: (path) => roots.add(path),

    async prepare(info, openNar, { compressedNar } = {}) {
      const unpack = compressedNar && (await import('../unpack-nar.ts')).unpackWholeNar;
      return {
        publish: ({ signal } = {}) => {
          const nar =
            unpack === undefined
              ? checkedNar(openNar(), info, { uri, storeDir })
              : unpack(compressedNar!, info, storeDir, { signal });
          return addToStore(transfers, info, nar, {
            signal,
            storeDir,
            dontCheckSigs: options.dontCheckSigs ?? false,
          });
        },
        abandon: async () => {},
      };
    },

    async addSignatures(path, signatures, signOptions) {
      const info = await store.queryPathInfo(path, signOptions);
      if (info === undefined)
        throw new StoreError('path-absent', `path '${full(path)}' is not valid in '${uri}'`, { uri, path: full(path) });
      const lacking = signatures.filter((signature) => !info.signatures.includes(signature));
      if (lacking.length === 0) return false;
      await queries.use(
        (connection) =>
          connection.perform(
            (writer) =>
              writer
                .writeUint64(operation.addSignatures)
                .writeString(full(path))
                .writeList(lacking, (_, signature) => writer.writeString(signature)),
            (reader) => reader.readUint64(),
          ),
        signOptions,
      );
      return true;
    },

    async addBuildLog(derivation, log, logOptions) {
      requireProtocol(since.addBuildLog, 'to take build logs');
      await transfers.use(async (connection) => {
        const request = new WireWriter().writeUint64(operation.addBuildLog).writeString(derivation);
        await sendFramed(connection, request.finish(), once(log), { path: full(derivation) });
        await connection.reader.readUint64();
      }, logOptions);
    },

    async close() {
      queries.close();
      transfers.close();
      roots.close();
    },
  };
  return store;
}

/** Where the daemon listens unless one is told otherwise. */
export function defaultDaemonSocketPath(environment: Environment = process.env): string {
  const { stateDir } = localDirectories(new Map(), environment);
  return environment.NIX_DAEMON_SOCKET_PATH || join(stateDir, 'daemon-socket/socket');
}

function connectionSettings(options: DaemonStoreOptions, environment: Environment): ConnectionSettings {
  const defaultSocketPath = defaultDaemonSocketPath(environment);
  const socketPath = options.socketPath ?? defaultSocketPath;
  const authority = socketPath === defaultSocketPath ? '' : socketPath.split('/').map(encodeURIComponent).join('/');
  const protocolMinor = options.protocolMinor ?? newestProtocolMinor;
  if (!Number.isInteger(protocolMinor) || protocolMinor < oldestProtocolMinor)
    throw new RangeError(`protocolMinor must be a whole number from ${oldestProtocolMinor}, not ${protocolMinor}`);
  return {
    uri: formatStoreUri({ scheme: 'unix', authority, parameters: new Map() }),
    socketPath,
    protocolMinor,
    silenceTimeoutMs: options.silenceTimeoutMs ?? 600_000,
    onMessage: options.onMessage,
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
