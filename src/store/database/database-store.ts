/**
 * The store of a local Nix, read from its database and its files, while that Nix may be writing.
 *
 * The database is opened read-only and never as `immutable`; each question is one statement, so no lock and no view of the past
 * outlives it.
 *
 * @module
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { PathInfo } from '../../path-info.ts';
import { formatStorePath, isStorePathHashPart, parseStorePath, type StorePath } from '../../store-path.ts';
import { readBuildLog } from '../build-log.ts';
import { dumpStorePath } from '../dump-store-path.ts';
import type { LocalDirectories } from '../local-directories.ts';
import type { Store } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { type PathInfoRow, queryPathInfoSql, readPathInfoRow } from './path-info-row.ts';
import { checkSchema } from './schema.ts';
import { openSqlite, queryWhenUnlocked } from './sqlite.ts';

/** So many questions are answered before other work gets its turn: a few milliseconds. */
const questionsPerTurn = 256;
const pathsPerPage = 1024;

/** How to open the store of a local Nix. */
export interface DatabaseStoreOptions extends LocalDirectories {
  /** How the store is called in messages. Default `local`. */
  readonly uri?: string | undefined;
  /** How long to wait for a program that has the database to itself. Default one minute. */
  readonly lockTimeoutMs?: number | undefined;
}

/**
 * Open the store of a local Nix through its database. Nothing is written.
 *
 * A Nix with `use-sqlite-wal = false` locks its database by a file of its own (SQLite's `unix-dotfile`), which readers like this one do
 * not see: what they ask during a write is asked again where SQLite notices. Beside such a Nix, its daemon is the safer store.
 *
 * @throws {@link StoreError} `database-unavailable` on a Node without `node:sqlite` (before 22.13), `database-absent`,
 * `database-unreadable` when this user may not read it or its write-ahead log, `database-schema`, `database-corrupt`, `database-locked`.
 * @example
 * ```ts
 * import { localDirectories, openDatabaseStore } from 'narkit/store';
 *
 * const store = await openDatabaseStore(localDirectories(new Map([['root', '/mnt']]), process.env));
 * for await (const path of store.queryAllValidPaths()) console.log(await store.queryPathInfo(path));
 * await store.close();
 * ```
 */
export async function openDatabaseStore(options: DatabaseStoreOptions): Promise<Store> {
  const { storeDir, realStoreDir, stateDir, logDir, uri = 'local', lockTimeoutMs = 60_000 } = options;
  const place = { uri, file: join(stateDir, 'db', 'db.sqlite') };
  await checkSchema(place);
  const database = openSqlite(place);
  const query = <Result>(ask: () => Result, signal?: AbortSignal): Promise<Result> =>
    queryWhenUnlocked(place, ask, { lockTimeoutMs, signal });

  let statements: ReturnType<typeof prepareStatements>;
  try {
    statements = await query(() => prepareStatements(database));
  } catch (error) {
    database.close();
    throw error;
  }

  async function queryPathInfo(path: StorePath, signal?: AbortSignal): Promise<PathInfo | undefined> {
    const full = formatStorePath(path, storeDir);
    const row = await query(() => statements.pathInfo.get(full), signal);
    return row && readEntry(full, () => readPathInfoRow(path, row as PathInfoRow, storeDir));
  }

  function readEntry<Result>(full: string, read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      throw new StoreError(
        'database-corrupt',
        `the Nix database '${place.file}' has a corrupt entry for '${full}': ${messageOf(error)}`,
        { uri, path: full, cause: error },
      );
    }
  }

  return {
    uri,
    storeDir,

    queryPathInfo: (path, { signal } = {}) => queryPathInfo(path, signal),

    async queryPathInfos(paths, { signal, onError } = {}) {
      const infos = new Map<StorePath, PathInfo>();
      let asked = 0;
      for (const path of paths) {
        if (++asked % questionsPerTurn === 0) await setImmediate();
        try {
          const info = await queryPathInfo(path, signal);
          if (info) infos.set(path, info);
        } catch (error) {
          // Only a corrupt entry is the path's own trouble.
          if (!onError || !(error instanceof StoreError && error.path !== undefined)) throw error;
          onError(path, error);
        }
      }
      return infos;
    },

    async queryPathFromHashPart(hashPart, { signal } = {}) {
      if (!isStorePathHashPart(hashPart)) throw new TypeError(`'${hashPart}' is not the hash part of a store path`);
      const prefix = `${storeDir}/${hashPart}-`;
      const path = await query(() => statements.nextPaths.get(prefix, 1)?.path, signal);
      return typeof path === 'string' && path.startsWith(prefix)
        ? readEntry(path, () => parseStorePath(path, storeDir))
        : undefined;
    },

    async *queryAllValidPaths({ signal } = {}) {
      // By pages, so that a slow reader holds no view of the database open, which would keep Nix from shortening its log.
      for (let last = ''; ; ) {
        const page = await query(() => statements.nextPaths.all(last, pathsPerPage), signal);
        for (const { path } of page) {
          last = String(path);
          yield readEntry(last, () => parseStorePath(last, storeDir));
        }
        if (page.length < pathsPerPage) return;
      }
    },

    async *narFromPath(path, { signal } = {}) {
      const full = formatStorePath(path, storeDir);
      if (!(await query(() => statements.pathInfo.get(full), signal)))
        throw new StoreError('path-absent', `path '${full}' is not valid in '${uri}'`, { uri, path: full });
      yield* dumpStorePath(path, { uri, storeDir, realStoreDir }, { signal });
    },

    queryBuildLog: (derivation, abort) => readBuildLog(logDir, derivation, abort),

    async close() {
      database.close();
    },
  };
}

function prepareStatements(database: ReturnType<typeof openSqlite>) {
  const pathInfo = database.prepare(queryPathInfoSql);
  pathInfo.setReadBigInts(true);
  return {
    pathInfo,
    nextPaths: database.prepare('select path from ValidPaths where path > ? order by path limit ?'),
  };
}
