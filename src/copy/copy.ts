/**
 * Copying paths from a store to another.
 *
 * The order of things is that of Nix (`src/libstore/store-api.cc`, `copyPaths`; `binary-cache-store.cc`, `addMultipleToStore`): closure →
 * what the destination lacks → NARs side by side, the most urgent first → each path made visible behind its references.
 *
 * @module
 */
import { type AbortOptions, followSignal } from '../abort.ts';
import type { PathInfo } from '../path-info.ts';
import type { PublicKey, SecretKey } from '../signing/index.ts';
import type { Store, WritableStore } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import type { StorePath } from '../store-path.ts';
import { computeClosure } from './closure.ts';
import { findMissing, leaveOutSigned, signAll } from './missing.ts';
import { type CopyEvent, type CopyOutcome, type CopyResult, type Report, summarize } from './outcome.ts';
import { publishInOrder } from './publish-in-order.ts';
import { createTrust, failUntrusted } from './trust.ts';

/** How to copy. */
export interface CopyOptions extends AbortOptions {
  /** Copy the closure, too. Default `true`. */
  readonly recursive?: boolean | undefined;
  /** Keys that sign what is copied, and what is there already. */
  readonly secretKeys?: readonly SecretKey[] | undefined;
  /** Names of keys: what one of them signed is left out, since the cache that signed it has it. */
  readonly skipSignedBy?: readonly string[] | undefined;
  /**
   * Is the destination known to have this path, and all that it refers to? Then nobody asks for it. Not asked of `paths` themselves. For
   * who copies one closure after the other.
   */
  readonly isKnown?: ((path: StorePath) => boolean) | undefined;
  /**
   * Copy only what one of these keys signed, or what follows from its content address. Default: everything, checked against its path info
   * alone; right for a source that is this machine's own.
   */
  readonly trustedPublicKeys?: readonly PublicKey[] | undefined;
  /** Told of the plan, of each path's progress and outcome, and of warnings. */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/**
 * Copy paths with their closure.
 *
 * One failing path fails those that refer to it, and no others. Outcomes come in the order in which paths are done.
 *
 * @throws what keeps the whole from being done: a store that cannot be asked, or the signal's reason, after all that was begun is put away.
 * @example
 * ```ts
 * import { createMemoryBackend } from 'narkit/backend';
 * import { openBinaryCacheStore } from 'narkit/binary-cache';
 * import { copy } from 'narkit/copy';
 *
 * const from = await openBinaryCacheStore(createMemoryBackend());
 * const to = await openBinaryCacheStore(createMemoryBackend());
 * const { copied, failed } = await copy(from, to, []);
 * if (copied + failed !== 0) throw new Error('there was nothing to copy');
 * ```
 */
export async function copy(
  from: Store,
  to: WritableStore,
  paths: Iterable<StorePath>,
  options: CopyOptions = {},
): Promise<CopyResult> {
  if (from.storeDir !== to.storeDir)
    throw new StoreError(
      'store-dir-mismatch',
      `'${from.uri}' has paths of '${from.storeDir}', '${to.uri}' takes paths of '${to.storeDir}'`,
      { uri: to.uri },
    );
  const { signal, release } = followSignal(options.signal);
  try {
    return await copyClosure(from, to, paths, { ...options, signal });
  } finally {
    release();
  }
}

async function copyClosure(
  from: Store,
  to: WritableStore,
  paths: Iterable<StorePath>,
  options: CopyOptions,
): Promise<CopyResult> {
  const { signal, onEvent } = options;
  const outcomes: CopyOutcome[] = [];
  const errors = new Map<StorePath, Error>();
  const report: Report = {
    errorOf: (path) => errors.get(path),
    finish(outcome) {
      outcomes.push(outcome);
      if (outcome.error !== undefined) errors.set(outcome.path, outcome.error);
      onEvent?.({ type: 'outcome', outcome });
    },
    event: (event) => onEvent?.(event),
  };

  const { trustedPublicKeys } = options;
  const trusts = trustedPublicKeys && createTrust(trustedPublicKeys, from.storeDir);
  // What nobody vouches for could refer to ever new paths, without end.
  const closure = await computeClosure(from, paths, { ...options, mayFollow: trusts });
  for (const [path, error] of closure.errors) report.finish({ path, outcome: 'failed', error });
  const wanted = leaveOutSigned(closure.infos, new Set(options.skipSignedBy), report);
  const signed = signAll(wanted, [...(options.secretKeys ?? []), ...(to.secretKeys ?? [])], from.storeDir);
  const missing = await findMissing(to, signed, { signal }, report);
  const untrusted = trusts ? failUntrusted(from, missing.infos.keys(), closure.infos, trusts, report) : [];
  for (const path of untrusted) missing.infos.delete(path);
  const unavailable = new Set([...closure.errors.keys(), ...missing.failed, ...untrusted]);
  if (options.recursive === false)
    await noteAbsentReferences(to, closure.infos, missing.infos, unavailable, { signal });
  await publishInOrder(from, to, missing.infos, unavailable, { signal }, report);
  signal?.throwIfAborted();
  return summarize(outcomes);
}

/** Without its closure, a path's references must be in the destination already. */
async function noteAbsentReferences(
  to: WritableStore,
  infos: ReadonlyMap<StorePath, PathInfo>,
  missing: ReadonlyMap<StorePath, PathInfo>,
  unavailable: Set<StorePath>,
  options: AbortOptions,
): Promise<void> {
  const outside = new Set(
    [...missing.values()].flatMap(({ references }) => references).filter((path) => !infos.has(path)),
  );
  const there = await to.queryPathInfos(outside, options);
  for (const path of outside) if (!there.has(path)) unavailable.add(path);
}
