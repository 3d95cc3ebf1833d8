/**
 * Is a store what it says it is?
 *
 * What `nix store verify` looks at (Nix `src/nix/verify.cc`), and in a binary cache each of its files.
 *
 * @module
 */
import { followSignal } from '../abort.ts';
import { createSlots } from '../backend/slots.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import type { StorePath } from '../store-path.ts';
import { checkStoredPath } from './check-path.ts';
import type { VerifyFinding, VerifySummary } from './finding.ts';
import { runInOrder } from './in-order.ts';
import { pathConcurrency, type VerifyEvent, type VerifyOptions } from './options.ts';
import { verifyCache } from './verify-cache.ts';

/** NARs that are read side by side. */
const narConcurrency = 8;

/** A verification that runs while its findings are read, once. */
export interface Verification extends AsyncIterable<VerifyFinding> {
  /** What it has come to until now; the whole when the last finding was read. */
  summary(): VerifySummary;
}

/**
 * Look at paths of a store, or at all of it.
 *
 * Of each path: its contents against the path info, and with `trustedPublicKeys` whether somebody trusted vouches for it. In a binary cache
 * also that the narinfo can be read and is this path's, that its references are there, that its NAR is, with the hash and size promised, and
 * that its `.ls` fits; with `'all'` also what files there are besides. A store that cannot be asked gives `unreadable` findings; one that
 * cannot list what it has throws.
 *
 * Memory does not grow with contents. With `'all'` a cache takes 27 to 40 bytes for each path and as much for each NAR, while they grow twice
 * that; a named path whose references are looked for, 27 to 40 bytes for each.
 *
 * @param paths those to look at, or `'all'`.
 * @throws {@link StoreError} `cannot-list` for all of a store that cannot list; `cannot-repair` for a repair of what is no binary cache;
 * `store-dir-mismatch`.
 * @example
 * ```ts
 * import { createMemoryBackend } from 'narkit/backend';
 * import { openBinaryCacheStore } from 'narkit/binary-cache';
 * import { verifyExitCode, verifyStore } from 'narkit/verify';
 *
 * const cache = await openBinaryCacheStore(createMemoryBackend());
 * const verification = verifyStore(cache, 'all');
 * for await (const { kind, message } of verification) console.log(kind, message);
 * // A memory backend with nothing in it has no nix-cache-info: no client would take it for a cache.
 * if (verifyExitCode(verification.summary()) !== 1) throw new Error('unexpected');
 * ```
 */
export function verifyStore(
  store: Store,
  paths: Iterable<StorePath> | 'all',
  options: VerifyOptions = {},
): Verification {
  const summary = { paths: 0, narBytes: 0, corrupt: 0, untrusted: 0, other: 0, notes: 0, repaired: 0, quarantined: 0 };
  const onEvent = (event: VerifyEvent): void => {
    if (event.type === 'progress') summary.narBytes += event.narBytes;
    if (event.type === 'checked') summary.paths++;
    options.onEvent?.(event);
  };
  async function* run(): AsyncGenerator<VerifyFinding> {
    const abort = new AbortController();
    const { signal, release } = followSignal(
      options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]),
    );
    const stop = (): void => abort.abort(new Error('the verification was left early'));
    const rest = { ...options, signal, onEvent };
    try {
      for await (const finding of findAll(store, paths, rest, stop)) {
        count(summary, finding);
        yield finding;
      }
      signal.throwIfAborted();
    } finally {
      release();
    }
  }
  const findings = run();
  return { [Symbol.asyncIterator]: () => findings, summary: () => ({ ...summary }) };
}

function findAll(
  store: Store,
  paths: Iterable<StorePath> | 'all',
  options: VerifyOptions & Required<Pick<VerifyOptions, 'onEvent'>>,
  stop: () => void,
): AsyncIterable<VerifyFinding> {
  const { contents = true, onEvent } = options;
  const narSlots = createSlots(narConcurrency);
  const onBytes = (narBytes: number): void => onEvent?.({ type: 'progress', narBytes });
  const check = { ...options, contents, narSlots, onBytes };
  const strange = options.repairFrom?.find((source) => source.store.storeDir !== store.storeDir);
  if (strange !== undefined)
    throw new StoreError(
      'store-dir-mismatch',
      `'${strange.store.uri}' has paths of '${strange.store.storeDir}', '${store.uri}' has paths of '${store.storeDir}'`,
      { uri: strange.store.uri },
    );
  if (isBinaryCache(store)) return verifyCache(store, paths, check, stop);
  if (options.repairFrom !== undefined || options.quarantineFolder !== undefined)
    throw new StoreError('cannot-repair', `'${store.uri}' is no binary cache: it is its Nix that repairs it`, {
      uri: store.uri,
    });
  return verifyPaths(store, paths, check, stop);
}

async function* verifyPaths(
  store: Store,
  paths: Iterable<StorePath> | 'all',
  options: Parameters<typeof checkStoredPath>[2] & Pick<VerifyOptions, 'onEvent'>,
  stop: () => void,
): AsyncGenerator<VerifyFinding> {
  const { signal, onEvent } = options;
  const all = paths === 'all' ? store.queryAllValidPaths({ signal }) : paths;
  const check = async (path: StorePath): Promise<VerifyFinding[]> => {
    const findings = await checkStoredPath(store, path, options);
    onEvent?.({ type: 'checked' });
    return findings;
  };
  for await (const findings of runInOrder(all, pathConcurrency, check, stop)) yield* findings;
}

function isBinaryCache(store: Store): store is BinaryCacheStore {
  return 'backend' in store;
}

function count(
  summary: { -readonly [Name in keyof VerifySummary]: number },
  { severity, repaired, quarantineKey }: VerifyFinding,
): void {
  if (repaired) summary.repaired++;
  else summary[severity === 'note' ? 'notes' : severity]++;
  if (quarantineKey !== undefined) summary.quarantined++;
}
