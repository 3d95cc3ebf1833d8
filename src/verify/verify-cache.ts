/**
 * A binary cache: its paths, and with all of it its files.
 *
 * @module
 */
import { createNarDigester } from '#nar-digester';
import { isKey } from '../backend/backend.ts';
import { createSlots } from '../backend/slots.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { readCacheInfo } from '../binary-cache/cache-info.ts';
import { readNarInfo } from '../binary-cache/narinfo-reader.ts';
import { messageOf } from '../errors.ts';
import { decodeNix32, encodeNix32 } from '../hash/index.ts';
import { type NarInfo, NixCacheInfoError, nixCacheInfoKey } from '../narinfo/index.ts';
import { StoreError } from '../store/store-error.ts';
import { type StorePath, storePathHashPart } from '../store-path.ts';
import {
  type CachedPath,
  type CachedPathReport,
  type CheckCacheOptions,
  type CheckOptions,
  checkCachedPath,
  findMissingReferences,
} from './check-path.ts';
import { createDigestSet } from './digest-set.ts';
import { createFinding, type VerifyFinding } from './finding.ts';
import { runInOrder } from './in-order.ts';
import {
  createInventory,
  digestOfPath,
  findOrphans,
  hasPath,
  type Inventory,
  isInOneOf,
  isKnown,
  takeInventory,
} from './inventory.ts';
import { pathConcurrency, type VerifyOptions } from './options.ts';
import { moveToQuarantine } from './quarantine.ts';
import { isRepairable, repairCacheInfo, repairPath } from './repair.ts';

const repairConcurrency = 4;
/** As many as Nix has connections to a cache. */
const questionConcurrency = 25;
/** So many paths that could not be mended are tried again when others have been. */
const maximumDeferred = 10_000;

/** What a verification of a cache is told. */
export type VerifyCacheOptions = VerifyOptions & CheckOptions;

type WorkOptions = VerifyCacheOptions & Pick<CheckCacheOptions, 'digester'>;

interface CheckedPath {
  readonly wanted: CachedPath;
  readonly report: CachedPathReport;
}

/** Look at paths of a cache, or at all of it; mend what can be mended, put aside what shall be. */
export async function* verifyCache(
  cache: BinaryCacheStore,
  paths: Iterable<StorePath> | 'all',
  options: VerifyCacheOptions,
  stop: () => void,
): AsyncGenerator<VerifyFinding> {
  const digester = options.contents ? createNarDigester() : undefined;
  try {
    yield* verifyFiles(cache, paths, { ...options, digester }, stop);
  } finally {
    await digester?.close();
  }
}

async function* verifyFiles(
  cache: BinaryCacheStore,
  paths: Iterable<StorePath> | 'all',
  options: WorkOptions,
  stop: () => void,
): AsyncGenerator<VerifyFinding> {
  const { signal, onEvent } = options;
  const inventory = createInventory();
  yield* checkCacheInfo(cache, options);
  if (paths === 'all') {
    yield* takeInventory(cache, inventory, { signal });
    onEvent?.({ type: 'planned', paths: inventory.narInfos.size });
  }
  const all = paths === 'all' ? listInventory(inventory) : listNamed(paths);
  // Of named paths, the inventory has their references, too.
  const checked = paths === 'all' ? inventory.narInfos : createDigestSet();
  const work = createWork(cache, inventory, options);

  for await (const { wanted, report } of work.inTurns(all, stop)) {
    if (paths !== 'all') checked.add(decodeNix32(wanted.hashPart));
    yield* work.settle(wanted, report);
  }
  yield* work.retry();
  if (inventory.quarantined.size > 0) yield* findBereaved(cache, inventory, checked, options, stop);
  if (paths === 'all') yield* findOrphans(cache, inventory, { signal });
}

function* listInventory({ narInfos }: Inventory): Generator<CachedPath> {
  for (const digest of narInfos) yield { hashPart: encodeNix32(digest) };
}

function* listNamed(paths: Iterable<StorePath>): Generator<CachedPath> {
  for (const path of paths) yield { hashPart: storePathHashPart(path), path };
}

/** A cache without its `nix-cache-info` is none for most clients. */
async function* checkCacheInfo(
  cache: BinaryCacheStore,
  { signal, repairFrom }: VerifyCacheOptions,
): AsyncGenerator<VerifyFinding> {
  const { backend, storeDir, uri } = cache;
  const place = { key: nixCacheInfoKey };
  let message = `'${uri}' has no '${nixCacheInfoKey}': most clients do not take it for a binary cache`;
  try {
    if ((await readCacheInfo(backend, storeDir, { signal })) !== undefined) return;
  } catch (error) {
    signal?.throwIfAborted();
    message = messageOf(error);
    if (!(error instanceof NixCacheInfoError || error instanceof StoreError)) {
      yield createFinding('unreadable', message, place);
      return;
    }
  }
  const finding = createFinding('cache-info', message, place);
  if (repairFrom === undefined) {
    yield finding;
    return;
  }
  try {
    await repairCacheInfo(cache, { signal });
    yield { ...finding, repaired: true };
  } catch (error) {
    signal?.throwIfAborted();
    yield { ...finding, repairFailure: messageOf(error) };
  }
}

/** What is done with each path. */
function createWork(cache: BinaryCacheStore, inventory: Inventory, options: WorkOptions) {
  const { signal, onEvent, repairFrom: sources = [], quarantineFolder, substituters = [] } = options;
  const repairSlots = createSlots(repairConcurrency);
  const questionSlots = createSlots(questionConcurrency);
  const deferred: CheckedPath[] = [];
  let hasRepaired = false;
  const check: CheckCacheOptions = {
    ...options,
    hasListings: inventory.hasListings,
    hasReference: async (path, abort) =>
      isKnown(inventory, path) ||
      questionSlots(
        async () => (await hasPath(cache, inventory, path, abort)) || isInOneOf(substituters, path, abort),
        signal,
      ),
  };

  function repair(wanted: CachedPath, report: CachedPathReport): Promise<CachedPathReport> {
    const context = {
      cache,
      sources,
      signal,
      check: () => checkCachedPath(cache, wanted, check),
      hasReference: check.hasReference,
      onCopied: (path: StorePath) => inventory.narInfos.add(digestOfPath(path)),
    };
    return repairSlots(() => repairPath(context, wanted, report), signal);
  }

  async function checkPath(wanted: CachedPath): Promise<CheckedPath> {
    let report = await checkCachedPath(cache, wanted, check);
    if (sources.length > 0 && report.findings.some(isRepairable)) report = await repair(wanted, report);
    hasRepaired ||= countRepaired(report) > 0;
    onEvent?.({ type: 'checked' });
    return { wanted, report };
  }

  /** Take the narinfo of what is corrupt out of sight. */
  async function putAside(
    { hashPart }: CachedPath,
    findings: readonly VerifyFinding[],
  ): Promise<readonly VerifyFinding[]> {
    const isCorrupt = ({ severity, repaired }: VerifyFinding): boolean => severity === 'corrupt' && !repaired;
    if (quarantineFolder === undefined || !findings.some(isCorrupt)) return findings;
    const key = `${hashPart}.narinfo`;
    try {
      const quarantineKey = await moveToQuarantine(cache.backend, key, quarantineFolder, { signal });
      if (quarantineKey === undefined) return findings;
      inventory.quarantined.add(decodeNix32(hashPart));
      const first = findings.findIndex(isCorrupt);
      return findings.with(first, { ...findings[first]!, quarantineKey });
    } catch (error) {
      signal?.throwIfAborted();
      const message = `cannot put '${key}' aside: ${messageOf(error)}`;
      return [...findings, createFinding('unreadable', message, { key })];
    }
  }

  async function* settle(wanted: CachedPath, report: CachedPathReport): AsyncGenerator<VerifyFinding> {
    if (sources.length > 0 && deferred.length < maximumDeferred && report.findings.some(isRepairable))
      deferred.push({ wanted, report });
    else yield* finish(wanted, report);
  }

  async function* finish(wanted: CachedPath, report: CachedPathReport): AsyncGenerator<VerifyFinding> {
    nameFiles(inventory, report.info);
    yield* await putAside(wanted, report.findings);
  }

  return {
    inTurns: (paths: Iterable<CachedPath>, stop: () => void) => runInOrder(paths, pathConcurrency, checkPath, stop),
    settle,
    /** What could not be mended because its references were broken can be when they are not. */
    async *retry(): AsyncGenerator<VerifyFinding> {
      while (deferred.length > 0) {
        const left = deferred.splice(0);
        const mayHelp = hasRepaired;
        hasRepaired = false;
        for (const { wanted, report } of left) {
          const now = mayHelp ? await repair(wanted, report) : report;
          hasRepaired ||= countRepaired(now) > countRepaired(report);
          yield* mayHelp ? settle(wanted, now) : finish(wanted, now);
        }
      }
    },
  };
}

function countRepaired({ findings }: CachedPathReport): number {
  return findings.filter(({ repaired }) => repaired).length;
}

function nameFiles(inventory: Inventory, info: NarInfo | undefined): void {
  if (info !== undefined && isKey(info.url)) inventory.addNamed(info.url);
}

/** Paths that refer to what was taken out of sight. */
async function* findBereaved(
  cache: BinaryCacheStore,
  { quarantined }: Inventory,
  checked: Iterable<Uint8Array>,
  { substituters = [], signal }: VerifyCacheOptions,
  stop: () => void,
): AsyncGenerator<VerifyFinding> {
  const hasReference: CheckCacheOptions['hasReference'] = async (path, abort) =>
    !quarantined.has(digestOfPath(path)) || isInOneOf(substituters, path, abort);
  const find = async (digest: Uint8Array): Promise<VerifyFinding[]> => {
    if (quarantined.has(digest)) return [];
    // What cannot be read was found before.
    const info = await readNarInfo(cache.backend, cache.storeDir, encodeNix32(digest), { signal }).catch(
      () => undefined,
    );
    signal?.throwIfAborted();
    return info === undefined ? [] : findMissingReferences(cache, info, { hasReference, signal });
  };
  for await (const findings of runInOrder(checked, pathConcurrency, find, stop)) yield* findings;
}
