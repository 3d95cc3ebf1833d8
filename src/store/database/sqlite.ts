/**
 * The one place that talks to `node:sqlite`: opening read-only, waiting for locks, errors in our words.
 *
 * @module
 */
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import type { AbortOptions } from '../../abort.ts';
import { messageOf } from '../../errors.ts';
import { StoreError } from '../store-error.ts';

/** Which database, for messages. */
export interface DatabasePlace {
  readonly uri: string;
  /** Path of `db.sqlite`. */
  readonly file: string;
}

/**
 * Open a database for reading: never as `immutable`, which would not see what a running Nix writes.
 *
 * @throws {@link StoreError} `database-unavailable` when this Node has no `node:sqlite`.
 */
export function openSqlite(place: DatabasePlace): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined)
    throw new StoreError(
      'database-unavailable',
      `cannot read the Nix database '${place.file}' with Node ${process.versions.node}: it takes Node 22.13 or newer, ` +
        `or a running Nix daemon and the store 'daemon'`,
      place,
    );
  try {
    return new sqlite.DatabaseSync(place.file, { readOnly: true });
  } catch (error) {
    throw sqliteError(place, error);
  }
}

/** SQLite's result codes that matter here (https://www.sqlite.org/rescode.html). */
const codes = {
  error: 1,
  busy: 5,
  locked: 6,
  readOnly: 8,
  corrupt: 11,
  cannotOpen: 14,
  protocol: 15,
  notADatabase: 26,
  readOnlyRollback: 776,
} as const;

/**
 * Run a query, again and again while a writer locks the database. SQLite's own waiting would stop the event loop.
 *
 * @throws {@link StoreError} `database-locked` after `lockTimeoutMs`, else `database-…` by what went wrong.
 */
export async function queryWhenUnlocked<Result>(
  place: DatabasePlace,
  query: () => Result,
  { lockTimeoutMs, signal }: AbortOptions & { readonly lockTimeoutMs: number },
): Promise<Result> {
  const start = performance.now();
  for (let delayMs = 1; ; delayMs = Math.min(2 * delayMs, 100)) {
    signal?.throwIfAborted();
    try {
      return query();
    } catch (error) {
      if (!isLocked(error)) throw sqliteError(place, error);
      if (performance.now() - start >= lockTimeoutMs)
        throw new StoreError(
          'database-locked',
          `the Nix database '${place.file}' was locked for ${lockTimeoutMs} ms: another program has it to itself; try again when it is done`,
          { ...place, cause: error },
        );
    }
    await setTimeout(delayMs);
  }
}

function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode : undefined;
}

/** Nix waits at these, too; a rollback journal that a reader may not roll back is a write under way where there is no WAL. */
function isLocked(error: unknown): boolean {
  const code = resultCode(error);
  if (code === undefined) return false;
  return (
    code === codes.readOnlyRollback || [codes.busy, codes.locked, codes.protocol].includes((code & 0xff) as 5 | 6 | 15)
  );
}

function sqliteError(place: DatabasePlace, error: unknown): unknown {
  const code = resultCode(error);
  if (code === undefined) return error;
  const options = { ...place, cause: error };
  const said = `${messageOf(error)} (SQLite ${code})`;
  switch (code & 0xff) {
    case codes.cannotOpen:
    case codes.readOnly:
      return new StoreError(
        'database-unreadable',
        `cannot read the Nix database '${place.file}': ${said}. Its files '-wal' and '-shm' must be there and readable, or this user must ` +
          `be able to create them: use the store 'daemon', or read as the user who owns the database`,
        options,
      );
    case codes.corrupt:
    case codes.notADatabase:
      return new StoreError('database-corrupt', `the Nix database '${place.file}' is corrupt: ${said}`, options);
    case codes.error:
      return new StoreError(
        'database-schema',
        `the Nix database '${place.file}' is not as Nix makes it: ${said}`,
        options,
      );
    default:
      return new StoreError('database', `cannot read the Nix database '${place.file}': ${said}`, options);
  }
}
