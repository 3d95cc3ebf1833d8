/**
 * A few paths of one destination, uploaded together.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../../abort.ts';
import { type CopyOutcome, copy, copyBuildLog } from '../../copy/index.ts';
import { asError } from '../../errors.ts';
import type { SecretKey } from '../../signing/index.ts';
import type { Store } from '../../store/store.ts';
import { StoreError } from '../../store/store-error.ts';
import { formatStorePath, type StorePath } from '../../store-path.ts';
import type { WaitingPath } from './lane-paths.ts';
import type { Destination } from './open-destination.ts';

const logsAtATime = 4;

/** What all groups have in common. */
export interface UploadSettings {
  readonly from: Store;
  readonly secretKeys: readonly SecretKey[];
  readonly skipSignedBy: readonly string[];
  readonly buildLogs: boolean;
}

/** What a group tells on the way. */
export interface UploadGroupOptions extends AbortOptions {
  /** Told of each path that is there, those that came along too. Logs of those that were asked for are there as well. */
  readonly onThere: (path: StorePath, outcome: 'uploaded' | 'present', narSize: number) => void;
}

/**
 * Upload paths with their closures, and the logs of their builds.
 *
 * @returns why paths failed.
 * @throws what concerns all of them, or the signal's reason.
 */
export async function uploadGroup(
  paths: readonly WaitingPath[],
  { store, known }: Destination,
  settings: UploadSettings,
  { signal, onThere }: UploadGroupOptions,
): Promise<ReadonlyMap<StorePath, Error>> {
  const failures = new Map<StorePath, Error>();
  const { from } = settings;
  for (const { path, records } of paths) {
    const foreign = records.find(({ storeDir }) => storeDir !== from.storeDir);
    if (foreign !== undefined) failures.set(path, foreignError(path, foreign.storeDir, from));
  }
  if (settings.buildLogs) await uploadLogs(paths, store, from, failures, { signal });

  const isLeft = ({ path }: WaitingPath): boolean => !failures.has(path);
  const left = paths.filter(isLeft);
  for (const { path } of left) if (known.has(path)) onThere(path, 'present', 0);
  const unknown = left.map(({ path }) => path).filter((path) => !known.has(path));
  if (unknown.length === 0) return failures;

  const { secretKeys, skipSignedBy } = settings;
  const { outcomes, failed } = await copy(from, store, unknown, {
    secretKeys,
    skipSignedBy,
    isKnown: known.has,
    signal,
    onEvent(event) {
      if (event.type !== 'outcome') return;
      const { path, outcome, narSize = 0, error } = event.outcome;
      if (outcome === 'failed') failures.set(path, asError(error));
      else onThere(path, outcome === 'copied' ? 'uploaded' : 'present', narSize);
    },
  });
  // Only where nothing is missing is everything known to have all that it refers to.
  if (failed === 0) for (const { path } of outcomes satisfies readonly CopyOutcome[]) known.add(path);
  return failures;
}

async function uploadLogs(
  paths: readonly WaitingPath[],
  to: Destination['store'],
  from: Store,
  failures: Map<StorePath, Error>,
  options: AbortOptions,
): Promise<void> {
  // Where one of the two keeps no logs, there is nothing to do.
  if (from.queryBuildLog === undefined || to.addBuildLog === undefined) return;
  const wantedBy = new Map<StorePath, StorePath[]>();
  for (const { path, records } of paths)
    for (const { derivation } of records)
      if (derivation !== undefined) wantedBy.set(derivation, [...(wantedBy.get(derivation) ?? []), path]);
  await pMap(
    wantedBy,
    async ([derivation, wanting]) => {
      try {
        await copyBuildLog(from, to, derivation, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        for (const path of wanting) failures.set(path, asError(error));
      }
    },
    { concurrency: logsAtATime },
  );
}

function foreignError(path: StorePath, storeDir: string, from: Store): StoreError {
  const full = formatStorePath(path, storeDir);
  const message = `path '${full}' is of another store directory than '${from.uri}', which has those of '${from.storeDir}'`;
  return new StoreError('path-foreign', message, { uri: from.uri, path: full });
}
