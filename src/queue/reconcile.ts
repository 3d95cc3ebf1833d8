/**
 * Queueing what the hook never saw: what was built before it was set up, what was substituted, what a build with `--check` made.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { parseSignature } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import { type StorePath, storePathHashPart } from '../store-path.ts';
import { createHashPartTable, type HashPartTable } from './hash-part-table.ts';
import { findAbsent, listableBackend, listHashParts } from './presence.ts';
import { readRecords } from './queued-path.ts';
import type { Spool } from './spool.ts';

/** How to reconcile. */
export interface ReconcileOptions extends AbortOptions {
  /** Names of keys: what one of them signed stays out. */
  readonly skipSignedBy?: readonly string[] | undefined;
  /** For the records. */
  readonly tag?: string | undefined;
  /** Queue nothing. @default false */
  readonly dryRun?: boolean | undefined;
  /** Told of each path that is queued, or would be. */
  readonly onLacking?: ((path: StorePath) => void) | undefined;
}

/** What was found, in paths. */
export interface ReconcileResult {
  /** All that the store has. */
  readonly valid: number;
  /** What each destination has, or waits in the queue already. */
  readonly present: number;
  /** What an upstream key signed. */
  readonly skipped: number;
  /** What a destination lacks: queued, unless it was a dry run. */
  readonly lacking: number;
}

/** A record stays until all of its paths are done: this many, for one that waits to hold few. */
const recordPaths = 256;

const seen = 1;
const lackedByListed = 2;
const inQueue = 4;

/**
 * Queue all valid paths of a store that one of the destinations lacks, and that do not wait already.
 *
 * A cache that can list what it has is listed once; others are asked for each path. Memory grows by less than 100 bytes a path.
 */
export async function reconcile(
  spool: Spool,
  from: Store,
  destinations: readonly Store[],
  options: ReconcileOptions = {},
): Promise<ReconcileResult> {
  const { signal, tag, dryRun = false, onLacking } = options;
  const table = createHashPartTable();
  for await (const path of from.queryAllValidPaths({ signal })) table.add(storePathHashPart(path));
  for await (const { paths } of readRecords(spool, await spool.listRecordIds(), { signal }))
    for (const path of paths) table.mark(storePathHashPart(path), inQueue);
  const asked = await markWhatListsLack(table, destinations, options);

  const counts = { valid: 0, present: 0, skipped: 0, lacking: 0 };
  for await (const paths of inBatches(from.queryAllValidPaths({ signal }))) {
    const lacking = await findLacking(table, asked, paths, options);
    const wanted = await leaveOutSigned(from, lacking, options);
    counts.valid += paths.length;
    counts.present += paths.length - lacking.length;
    counts.skipped += lacking.length - wanted.length;
    counts.lacking += wanted.length;
    if (wanted.length > 0 && !dryRun) await spool.addRecord({ storeDir: from.storeDir, paths: wanted, tag });
    for (const path of wanted) onLacking?.(path);
  }
  return counts;
}

/** @returns the destinations that cannot be listed. */
async function markWhatListsLack(
  table: HashPartTable,
  destinations: readonly Store[],
  { signal }: AbortOptions,
): Promise<readonly Store[]> {
  const asked: Store[] = [];
  for (const destination of destinations) {
    const backend = listableBackend(destination);
    if (backend === undefined) {
      asked.push(destination);
      continue;
    }
    await listHashParts(backend, (hashPart) => table.mark(hashPart, seen), { signal });
    table.markUnless(seen, lackedByListed);
  }
  return asked;
}

async function findLacking(
  table: HashPartTable,
  asked: readonly Store[],
  paths: readonly StorePath[],
  { signal }: AbortOptions,
): Promise<StorePath[]> {
  const isMarked = (path: StorePath, mark: number): boolean => table.isMarked(storePathHashPart(path), mark);
  const free = paths.filter((path) => !isMarked(path, inQueue));
  const lacking = new Set(free.filter((path) => isMarked(path, lackedByListed)));
  for (const destination of asked) {
    const unsure = free.filter((path) => !lacking.has(path));
    for (const path of await findAbsent(destination, unsure, { signal })) lacking.add(path);
  }
  return free.filter((path) => lacking.has(path));
}

/** Those of `paths` that no key of these names signed, and that the store still has. */
export async function leaveOutSigned(
  from: Store,
  paths: readonly StorePath[],
  { skipSignedBy = [], signal }: ReconcileOptions,
): Promise<readonly StorePath[]> {
  if (skipSignedBy.length === 0 || paths.length === 0) return paths;
  const infos = await from.queryPathInfos(paths, { signal });
  const isSigned = (path: StorePath): boolean =>
    infos.get(path)?.signatures.some((signature) => skipSignedBy.includes(parseSignature(signature).keyName)) ?? false;
  return paths.filter((path) => !isSigned(path));
}

async function* inBatches(paths: AsyncIterable<StorePath>): AsyncGenerator<StorePath[]> {
  let batch: StorePath[] = [];
  for await (const path of paths) {
    batch.push(path);
    if (batch.length < recordPaths) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
