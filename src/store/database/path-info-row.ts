/**
 * A row of `ValidPaths`, with its references, as a path info.
 *
 * Rules: Nix `src/libstore/local-store.cc` (`queryPathInfoInternal`) and `schema.sql`.
 *
 * @module
 */
import { parseContentAddress } from '../../content-address.ts';
import { parseHash } from '../../hash/index.ts';
import type { PathInfo } from '../../path-info.ts';
import { mergeSignatures } from '../../signature.ts';
import { parseStorePath, type StorePath } from '../../store-path.ts';

/** One statement, so that a writer between two cannot make it half old, half new. */
export const queryPathInfoSql = `
  select hash, registrationTime, deriver, narSize, ultimate, sigs, ca, (
    select group_concat(target.path, ' ') from Refs join ValidPaths target on target.id = reference where referrer = ValidPaths.id
  ) as "references"
  from ValidPaths where path = ?`;

/** What {@link queryPathInfoSql} gives; SQLite does not hold columns to their types. */
export type PathInfoRow = Readonly<Record<string, unknown>>;

/**
 * Read a row.
 *
 * @throws an Error that says which column is wrong.
 */
export function readPathInfoRow(path: StorePath, row: PathInfoRow, storeDir: string): PathInfo {
  const narHash = parseHash(text(row, 'hash') ?? '');
  if (narHash.algorithm !== 'sha256') throw new TypeError(`the hash is ${narHash.algorithm}, not sha256`);
  const deriver = text(row, 'deriver');
  const contentAddress = text(row, 'ca');
  return {
    path,
    narHash,
    narSize: wholeNumber(row, 'narSize'),
    references: words(row, 'references')
      .map((reference) => parseStorePath(reference, storeDir))
      .sort(),
    ...(deriver !== undefined && { deriver: parseStorePath(deriver, storeDir) }),
    signatures: mergeSignatures(words(row, 'sigs')),
    ...(contentAddress !== undefined && { contentAddress: parseContentAddress(contentAddress) }),
    registrationTime: wholeNumber(row, 'registrationTime'),
    ultimate: row.ultimate === 1n,
  };
}

/** Nix writes NULL for nothing; what it finds empty it takes for nothing, too. */
function text(row: PathInfoRow, column: string): string | undefined {
  const value = row[column];
  if (value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new TypeError(`column '${column}' is not a text`);
}

function words(row: PathInfoRow, column: string): string[] {
  return (text(row, column) ?? '').split(' ').filter((word) => word !== '');
}

/** As Nix has it, NULL is 0: a size that an old Nix did not record. */
function wholeNumber(row: PathInfoRow, column: string): number {
  const value = row[column] ?? 0n;
  if (typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new TypeError(`column '${column}' is not a whole number from 0 to 2^53 - 1`);
}
