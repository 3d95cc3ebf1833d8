/**
 * Databases as Nix makes them, and not quite.
 *
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { LocalDirectories } from '../../../src/store/local-directories.ts';

/** `node:sqlite`, where this Node has it. */
export const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;

/** The tables of schema 10 that path infos come from. */
export const schema = `
  create table ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text
  );
  create table Refs (
    referrer integer not null, reference integer not null, primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
  );`;

/** An empty state directory, which others may read. */
export function createStateDirectory(schemaVersion = '10'): LocalDirectories & { readonly file: string } {
  const stateDir = mkdtempSync(join(tmpdir(), 'narkit-database-'));
  chmodSync(stateDir, 0o755);
  mkdirSync(join(stateDir, 'db'));
  writeFileSync(join(stateDir, 'db/schema'), schemaVersion);
  const file = join(stateDir, 'db/db.sqlite');
  return { storeDir: '/nix/store', realStoreDir: '/nix/store', stateDir, logDir: stateDir, file };
}

/** A writer's connection to a database in WAL mode. */
export function createDatabase(file: string, sql: string = schema): DatabaseSync {
  const database = new sqlite!.DatabaseSync(file);
  database.exec('pragma journal_mode = wal');
  database.exec(sql);
  return database;
}

/** The n-th of many store paths. */
export function numberedPath(number: number): string {
  return `${String(number).padStart(32, '0')}-path`;
}

/** A good row, but for `changes`. */
export function insertPath(database: DatabaseSync, changes: Record<string, string | number | bigint | null>): void {
  const row = { hash: `sha256:${'00'.repeat(32)}`, registrationTime: 1, narSize: 120, ...changes };
  const columns = Object.keys(row);
  database
    .prepare(`insert into ValidPaths (${columns.join()}) values (${columns.map(() => '?').join()})`)
    .run(...Object.values(row));
}
