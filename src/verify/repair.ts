/**
 * Mending what is broken in a cache out of another store, with contents that are the right ones.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { writeCacheInfo } from '../binary-cache/cache-info.ts';
import { copy } from '../copy/copy.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { equalHashes } from '../hash/index.ts';
import type { NarInfo } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import { isTrusted, mergeSignatures, type PublicKey, signPathInfo } from '../signing/index.ts';
import type { Publication, Store } from '../store/store.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type CachedPath, type CachedPathReport, type CheckCacheOptions, listMissingReferences } from './check-path.ts';
import type { VerifyFinding, VerifyFindingKind } from './finding.ts';

/** Where good copies of what is broken may be. */
export interface RepairSource {
  readonly store: Store;
  /**
   * Where the cache's own path info is of no use, that of the source is taken only when one of these keys signed it, or when it follows
   * from its content address. Default: it is believed as it is; right for a source that is this machine's own store.
   */
  readonly trustedPublicKeys?: readonly PublicKey[] | undefined;
}

/** What a repair works on. */
export interface RepairContext extends AbortOptions {
  readonly cache: BinaryCacheStore;
  readonly sources: readonly RepairSource[];
  /** Look at the path once more. */
  readonly check: () => Promise<CachedPathReport>;
  readonly hasReference: CheckCacheOptions['hasReference'];
  /** Told of a path that the cache has now. */
  readonly onCopied: (path: StorePath) => void;
}

/** Can this kind of finding be mended out of another store? */
export function isRepairable({ kind, severity, repaired }: VerifyFinding): boolean {
  if (repaired) return false;
  return severity === 'corrupt' || severity === 'untrusted' || kind === 'reference-missing' || kind === 'path-absent';
}

/**
 * Mend a path, by the first source that can.
 *
 * @returns all findings: those that are mended say so, those that are left say why.
 */
export async function repairPath(
  context: RepairContext,
  wanted: CachedPath,
  report: CachedPathReport,
): Promise<CachedPathReport> {
  const failures: string[] = [];
  let current = report;
  for (const source of context.sources) {
    for (const step of [repairContents, repairReferences]) {
      if (!current.findings.some(isRepairable)) break;
      try {
        if (await step(context, source, wanted, current)) current = await context.check();
      } catch (error) {
        context.signal?.throwIfAborted();
        failures.push(messageOf(error));
        current = await context.check();
      }
    }
  }
  const left = new Set(current.findings.map(({ kind }) => kind));
  const repaired = report.findings.filter(({ kind }) => !left.has(kind));
  const repairFailure = failures.join('; ') || 'it is as broken as before';
  return {
    ...current,
    findings: [
      ...repaired.map((finding) => ({ ...finding, repaired: true as const })),
      ...current.findings.map((finding) => (isRepairable(finding) ? { ...finding, repairFailure } : finding)),
    ],
  };
}

/** Write the `nix-cache-info` that a cache of this store directory has. */
export function repairCacheInfo({ backend, storeDir }: BinaryCacheStore, options: AbortOptions): Promise<void> {
  return writeCacheInfo(backend, storeDir, {}, options);
}

/** A step of a repair. @returns whether there was something to do. */
type RepairStep = (
  context: RepairContext,
  source: RepairSource,
  wanted: CachedPath,
  report: CachedPathReport,
) => Promise<boolean>;

const repairReferences: RepairStep = async (context, source, _wanted, report) => {
  const missing = report.findings.flatMap(({ references = [] }) => references);
  if (missing.length > 0) await copyReferences(context, source, missing);
  return missing.length > 0;
};

const repairContents: RepairStep = async (context, source, wanted, report) => {
  const { cache, signal } = context;
  const repairable = report.findings.filter(isRepairable).map(({ kind }) => kind);
  const kinds = new Set(repairable.filter((kind) => kind !== 'reference-missing'));
  if (kinds.size === 0) return false;

  const { store } = source;
  const path = report.info?.path ?? wanted.path ?? (await store.queryPathFromHashPart(wanted.hashPart, { signal }));
  const theirs = path && (await store.queryPathInfo(path, { signal }));
  if (theirs === undefined)
    throw new NarkitError('repair-source', `'${store.uri}' does not have '${path ?? wanted.hashPart}'`);
  const { info } = report;
  if (info === undefined || !isSame(info, theirs))
    await replace(context, source, theirs, chooseTheirs(context, source, theirs, info, kinds), report);
  else if (!isAboutTrustAlone(kinds)) await replace(context, source, theirs, merge(info, theirs), report);
  else if (!(await cache.addSignatures(info.path, theirs.signatures, { signal })))
    throw new NarkitError('repair-untrusted', `'${store.uri}' has no other signature of it`);
  return true;
};

function merge(ours: NarInfo, theirs: PathInfo): NarInfo {
  return { ...ours, signatures: mergeSignatures(ours.signatures, theirs.signatures) };
}

/** Path infos that promise the same contents and references. */
function isSame(ours: PathInfo, theirs: PathInfo): boolean {
  return (
    equalHashes(ours.narHash, theirs.narHash) &&
    ours.narSize === theirs.narSize &&
    ours.references.join(' ') === theirs.references.join(' ')
  );
}

const trustKinds: ReadonlySet<VerifyFindingKind> = new Set(['unsigned', 'unknown-key', 'bad-signature']);

function isAboutTrustAlone(kinds: ReadonlySet<VerifyFindingKind>): boolean {
  return [...kinds].every((kind) => trustKinds.has(kind));
}

/**
 * The source's path info in place of the cache's: only where that one is broken, and never against the word of somebody trusted.
 *
 * @throws {@link NarkitError} `repair-mismatch`, `repair-untrusted`
 */
function chooseTheirs(
  { cache }: RepairContext,
  { store, trustedPublicKeys }: RepairSource,
  theirs: PathInfo,
  ours: NarInfo | undefined,
  kinds: ReadonlySet<VerifyFindingKind>,
): PathInfo {
  const full = formatStorePath(theirs.path, store.storeDir);
  const isDistrusted = [...kinds].some((kind) => trustKinds.has(kind));
  const mayReplace =
    ours === undefined || (isDistrusted && (!isAboutTrustAlone(kinds) || equalHashes(ours.narHash, theirs.narHash)));
  if (!mayReplace)
    throw new NarkitError(
      'repair-mismatch',
      `'${store.uri}' has '${full}' with other contents or references than the narinfo of '${cache.uri}' promises`,
    );
  if (trustedPublicKeys !== undefined && !isTrusted(theirs, trustedPublicKeys, store.storeDir))
    throw new NarkitError('repair-untrusted', `no trusted key signed '${full}' of '${store.uri}'`);
  return theirs;
}

/** The NAR first, checked against the path info, then the narinfo. */
async function replace(
  context: RepairContext,
  source: RepairSource,
  theirs: PathInfo,
  info: PathInfo,
  report: CachedPathReport,
): Promise<void> {
  const { cache, signal } = context;
  const missing = await listMissingReferences(info, context);
  // A path that is there already is as visible as it was; one that comes anew comes behind its references.
  if (report.info === undefined) await copyReferences(context, source, missing);
  const signed = { ...info, signatures: mergeSignatures(info.signatures, sign(cache, info)) };
  const compressedNar = source.store.compressedNarOf?.(theirs);
  const prepare = (): Promise<Publication> =>
    cache.prepare(signed, () => source.store.narFromPath(info.path, { signal }), { signal, compressedNar });

  const publication = await prepare();
  await publication.publish({ signal });
  context.onCopied(info.path);
  const { url } = publication;
  if (url === undefined || url !== report.info?.url || (await isSound(context))) return;
  // A file of the right name and size is not put again: it goes now that the right one is known to be at hand.
  await cache.backend.delete(url, { signal });
  await (await prepare()).publish({ signal });
}

async function isSound({ check }: RepairContext): Promise<boolean> {
  return !(await check()).findings.some(({ severity }) => severity === 'corrupt');
}

function sign(cache: BinaryCacheStore, info: PathInfo): string[] {
  return (cache.secretKeys ?? []).map((key) => signPathInfo(info, key, cache.storeDir));
}

async function copyReferences(
  { cache, onCopied, signal }: RepairContext,
  { store, trustedPublicKeys }: RepairSource,
  references: readonly StorePath[],
): Promise<void> {
  if (references.length === 0) return;
  const { outcomes } = await copy(store, cache, references, { trustedPublicKeys, signal });
  for (const { path, outcome } of outcomes) if (outcome === 'copied' || outcome === 'present') onCopied(path);
  const failed = outcomes.find(({ outcome }) => outcome === 'failed');
  if (failed !== undefined) throw failed.error;
}
