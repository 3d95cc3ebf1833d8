/**
 * Is there a Nix database, and is it one that we can read?
 *
 * @module
 */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { StoreError } from '../store-error.ts';
import type { DatabasePlace } from './sqlite.ts';

/** The number in `db/schema` since Nix 2.0 (`nixSchemaVersion` in `src/libstore/include/nix/store/local-store.hh`). */
const schemaVersion = 10;

/**
 * Check that the database is there, and of the one schema that Nix has had since 2.0.
 *
 * @throws {@link StoreError} `database-absent`, `database-unreadable`, `database-corrupt` or `database-schema`.
 */
export async function checkSchema(place: DatabasePlace): Promise<void> {
  const schemaFile = join(dirname(place.file), 'schema');
  let schema: string;
  try {
    if (!(await stat(place.file)).isFile())
      throw new StoreError('database-corrupt', `the Nix database '${place.file}' is not a file`, place);
    await access(place.file, constants.R_OK);
    schema = await readFile(schemaFile, { encoding: 'utf8' });
  } catch (error) {
    throw fileError(place, error);
  }
  const version = /^\d{1,9}\s*$/.test(schema) ? Number(schema) : undefined;
  if (version === schemaVersion) return;
  if (version === undefined) throw new StoreError('database-corrupt', `'${schemaFile}' holds no schema number`, place);
  throw new StoreError(
    'database-schema',
    `the Nix database '${place.file}' has schema ${version}, and narkit reads schema ${schemaVersion} alone: ` +
      (version < schemaVersion ? 'run a Nix of version 2 once to bring it up to date' : 'a newer narkit may know it'),
    place,
  );
}

function fileError(place: DatabasePlace, error: unknown): unknown {
  const options = { ...place, cause: error };
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new StoreError('database-absent', `there is no Nix database at '${place.file}'`, options);
    case 'EACCES':
    case 'EPERM':
      return new StoreError(
        'database-unreadable',
        `this user may not read the Nix database: ${messageOf(error)}; use the store 'daemon', or read as a user who may`,
        options,
      );
    default:
      return error;
  }
}
