/**
 * One path of a store, looked at from all sides.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../abort.ts';
import type { Slots } from '../backend/slots.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { readNarInfo } from '../binary-cache/narinfo-reader.ts';
import { readFile } from '../binary-cache/read-file.ts';
import { messageOf } from '../errors.ts';
import { maximumNarInfoBytes, type NarInfo, NarInfoError, type NarInfoQuirk } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, parseStorePath, type StorePath, storePathHashPart } from '../store-path.ts';
import { checkCachedNar, checkNarFile, checkStoredNar, isDamage } from './check-nar.ts';
import { createFinding, type VerifyFinding } from './finding.ts';
import type { NarDigester } from './nar-digester.ts';
import { findDistrust, type TrustPolicy } from './trust.ts';

const referenceConcurrency = 25;
/** The store directory may be long; what is behind it is not. */
const firstLineBytes = 8192;

/** What is looked at, and how. */
export interface CheckOptions extends TrustPolicy, AbortOptions {
  /** Read each NAR to its end. */
  readonly contents: boolean;
  /** NARs that are read at a time. */
  readonly narSlots: Slots;
  readonly onBytes: (bytes: number) => void;
}

/** What is looked at besides in a cache. */
export interface CheckCacheOptions extends CheckOptions {
  /** Are there `.ls` files? */
  readonly hasListings: boolean;
  /** Takes small NARs. */
  readonly digester?: NarDigester | undefined;
  /** Does the cache have this path, or a store that its clients use beside it? */
  readonly hasReference: (path: StorePath, options: AbortOptions) => Promise<boolean>;
}

/** A path of a cache: by its hash part, and by its name where it was named. */
export interface CachedPath {
  readonly hashPart: string;
  readonly path?: StorePath | undefined;
}

/** What was found out about a path of a cache. */
export interface CachedPathReport {
  /** The narinfo, when it can be read and is this path's. */
  readonly info?: NarInfo;
  readonly findings: readonly VerifyFinding[];
}

/** Look at a path of a cache. */
export async function checkCachedPath(
  cache: BinaryCacheStore,
  wanted: CachedPath,
  options: CheckCacheOptions,
): Promise<CachedPathReport> {
  const { signal } = options;
  const key = `${wanted.hashPart}.narinfo`;
  const quirks: NarInfoQuirk[] = [];
  let info: NarInfo | undefined;
  try {
    const read = { signal, onQuirk: (quirk: NarInfoQuirk) => void quirks.push(quirk) };
    info = await readNarInfo(cache.backend, cache.storeDir, wanted.hashPart, read);
  } catch (error) {
    signal?.throwIfAborted();
    const path = wanted.path ?? (await readNamedPath(cache, wanted.hashPart, key, { signal }));
    return { findings: [describeNarInfoError(error, { ...(path !== undefined && { path }), key })] };
  }
  if (info === undefined || (wanted.path !== undefined && info.path !== wanted.path))
    return { findings: describeAbsence(cache, wanted, key, info) };

  const { path } = info;
  const checks = await Promise.all([
    findTrustFindings(cache, info, options),
    findMissingReferences(cache, info, options),
    options.contents
      ? options.narSlots(() => checkCachedNar(cache, info, options), signal)
      : checkNarFile(cache, info, options),
  ]);
  const full = formatStorePath(path, cache.storeDir);
  return {
    info,
    findings: [...describeQuirks(quirks, full, { path, key }), ...elsewhere(info, full), ...checks.flat()],
  };
}

/** Look at a path of a store that is no cache, as `nix store verify` does. */
export async function checkStoredPath(store: Store, path: StorePath, options: CheckOptions): Promise<VerifyFinding[]> {
  const { signal } = options;
  const full = formatStorePath(path, store.storeDir);
  try {
    const info = await store.queryPathInfo(path, { signal });
    if (info === undefined)
      return [createFinding('path-absent', `path '${full}' is not valid in '${store.uri}'`, { path })];
    const contents = options.contents ? options.narSlots(() => checkStoredNar(store, info, options), signal) : [];
    return [...(await findTrustFindings(store, info, options)), ...(await contents)];
  } catch (error) {
    signal?.throwIfAborted();
    return [createFinding('unreadable', `path '${full}': ${messageOf(error)}`, { path })];
  }
}

async function findTrustFindings(store: Store, info: PathInfo, options: CheckOptions): Promise<VerifyFinding[]> {
  const { path } = info;
  try {
    const distrust = await findDistrust(info, store.storeDir, options, { signal: options.signal });
    return distrust === undefined ? [] : [distrust];
  } catch (error) {
    options.signal?.throwIfAborted();
    const message = `cannot find out who signed '${formatStorePath(path, store.storeDir)}': ${messageOf(error)}`;
    return [createFinding('unreadable', message, { path })];
  }
}

type ReferenceOptions = Pick<CheckCacheOptions, 'hasReference' | 'signal'>;

/** The references of a path that the cache does not have. */
export async function listMissingReferences(
  { path, references }: PathInfo,
  { hasReference, signal }: ReferenceOptions,
): Promise<StorePath[]> {
  const others = references.filter((reference) => reference !== path);
  const isThere = await pMap(others, (reference) => hasReference(reference, { signal }), {
    concurrency: referenceConcurrency,
  });
  return others.filter((_, index) => !isThere[index]);
}

/** The same as a finding. */
export async function findMissingReferences(
  cache: BinaryCacheStore,
  info: NarInfo,
  options: ReferenceOptions,
): Promise<VerifyFinding[]> {
  const { path } = info;
  const { signal } = options;
  const full = formatStorePath(path, cache.storeDir);
  try {
    const references = await listMissingReferences(info, options);
    if (references.length === 0) return [];
    const named = references.slice(0, 3).map((reference) => `'${formatStorePath(reference, cache.storeDir)}'`);
    const more = references.length > named.length ? ` and ${references.length - named.length} more` : '';
    const message = `path '${full}' refers to ${named.join(', ')}${more}, which the cache does not have`;
    return [createFinding('reference-missing', message, { path, references })];
  } catch (error) {
    signal?.throwIfAborted();
    return [createFinding('unreadable', `cannot find the references of '${full}': ${messageOf(error)}`, { path })];
  }
}

/** Which path a narinfo that cannot be read was for, if its line says so in the form that Nix writes. */
async function readNamedPath(
  { backend, storeDir }: BinaryCacheStore,
  hashPart: string,
  key: string,
  { signal }: AbortOptions,
): Promise<StorePath | undefined> {
  try {
    const bytes = await readFile(backend, key, { signal, maximumBytes: maximumNarInfoBytes });
    const text = bytes && new TextDecoder().decode(bytes.subarray(0, firstLineBytes));
    const path = parseStorePath(/^StorePath: (.*?)\r?\n/.exec(text ?? '')?.[1] ?? '', storeDir);
    return storePathHashPart(path) === hashPart ? path : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

type Place = Pick<VerifyFinding, 'path' | 'key'>;

function describeNarInfoError(error: unknown, place: Place): VerifyFinding {
  const message = messageOf(error);
  if (error instanceof StoreError && error.code === 'narinfo-mismatch')
    return createFinding('narinfo-foreign', message, place);
  return createFinding(
    error instanceof NarInfoError || isDamage(error) ? 'narinfo-corrupt' : 'unreadable',
    message,
    place,
  );
}

/** A narinfo that was listed and is gone since is nobody's fault. */
function describeAbsence(
  { storeDir, uri }: BinaryCacheStore,
  { path }: CachedPath,
  key: string,
  found: NarInfo | undefined,
): VerifyFinding[] {
  if (path === undefined) return [];
  const instead = found === undefined ? '' : `, which has '${formatStorePath(found.path, storeDir)}' by this hash`;
  const message = `path '${formatStorePath(path, storeDir)}' is not valid in '${uri}'${instead}`;
  return [createFinding('path-absent', message, { path, key })];
}

/** Some caches write fields of their own, which mislead nobody. */
function describeQuirks(quirks: readonly NarInfoQuirk[], full: string, place: Place): VerifyFinding[] {
  return quirks
    .filter(({ kind }) => kind !== 'unknown-field')
    .map(({ kind, field, line }) => {
      const what = kind === 'repeated-field' ? 'comes a second time' : 'has no space behind its colon';
      const message = `in the narinfo of '${full}' the field '${field}' ${what} at line ${line}`;
      return createFinding('narinfo-quirk', message, place);
    });
}

function elsewhere({ path, url }: NarInfo, full: string): VerifyFinding[] {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return [];
  return [createFinding('nar-elsewhere', `the NAR of '${full}' lies on another server: ${url}`, { path, key: url })];
}
