/**
 * The contents of a path, and of the file that they lie in.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, BackendError, isKey } from '../backend/backend.ts';
import type { BinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { compressedNarOf, getNarFile } from '../binary-cache/nar-file.ts';
import { readFile } from '../binary-cache/read-file.ts';
import { readNar } from '../binary-cache/read-nar.ts';
import { GatheredBytes } from '../bytes/gathered.ts';
import { CompressionError } from '../compression/index.ts';
import { isSingleZstdFrame } from '../compression/zstd/zstd-frames.ts';
import { messageOf } from '../errors.ts';
import { equalHashes, formatHash, type Hash } from '../hash/index.ts';
import {
  createNarListingBuilder,
  formatNarListing,
  maximumListingLength,
  NarFormatError,
  type NarListing,
  NarListingError,
  observeNar,
  parseNarListing,
} from '../nar/index.ts';
import { type NarInfo, narListingKey } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import { measure } from '../store/measured.ts';
import type { Store } from '../store/store.ts';
import { type NarMeasure, NarMismatchError, StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { createFinding, type VerifyFinding } from './finding.ts';
import type { NarDigester } from './nar-digester.ts';

/** How to read a NAR. */
export interface CheckNarOptions extends AbortOptions {
  /** Told of NAR bytes that went by. */
  readonly onBytes: (bytes: number) => void;
}

/** How to read a NAR of a cache. */
export interface CheckCachedNarOptions extends CheckNarOptions {
  /** Are there `.ls` files? */
  readonly hasListings: boolean;
  /** Takes small NARs. */
  readonly digester?: NarDigester | undefined;
}

/** Read a path's NAR out of a cache to its end, and compare it, its file and its listing with the narinfo. */
export async function checkCachedNar(
  cache: BinaryCacheStore,
  info: NarInfo,
  options: CheckCachedNarOptions,
): Promise<VerifyFinding[]> {
  const { signal, onBytes } = options;
  const { path, url } = info;
  const nar = (): AsyncIterable<Uint8Array> => readNar(cache.backend, info, cache.storeDir, { signal });
  try {
    const listing = options.hasListings ? await readListing(cache, path, { signal }) : undefined;
    if (listing === undefined) {
      if (await isIntact(cache, info, options)) onBytes(info.narSize);
      else await drain(nar(), options);
      return [];
    }
    const builder = createNarListingBuilder();
    try {
      await drain(observeNar(nar(), builder), options);
    } catch (error) {
      if (!(error instanceof NarFormatError)) throw error;
      // What is no archive any more most likely has another hash, too, which says it better.
      await drain(nar(), options);
      throw error;
    }
    return listing === formatComparable(builder.finish()) ? [] : [wrongListing(cache, path)];
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof StoreError && error.code === 'nar-file-mismatch')
      return [await describeFileMismatch(cache, info, error, { signal })];
    return [describeNarError(error, path, cache.storeDir, url)];
  }
}

/** A file, and a NAR, up to this size each are taken in whole: several times as fast as a stream that holds no more at a time. */
const smallFileSize = 1024 * 1024;
const smallNarSize = 4 * smallFileSize;

/** Is this NAR known to be right, and its file, without more than one look at them? What is wrong otherwise, a stream finds out. */
async function isIntact(
  { backend, storeDir }: BinaryCacheStore,
  info: NarInfo,
  { digester, signal }: CheckCachedNarOptions,
): Promise<boolean> {
  const { compression, fileHash, fileSize, narHash, narSize } = info;
  if (digester === undefined || compression !== 'zstd' || fileHash === undefined || fileSize === undefined)
    return false;
  if (fileSize > smallFileSize || narSize > smallNarSize) return false;
  const file = await readAll(compressedNarOf(backend, info, storeDir).open({ signal }), fileSize);
  if (file === undefined || !isSingleZstdFrame(file, narSize)) return false;
  const digests = await digester.digest(file, narSize);
  signal?.throwIfAborted();
  return digests !== undefined && isSha256(fileHash, digests.fileDigest) && isSha256(narHash, digests.narDigest);
}

/** The bytes of a stream in memory of their own; `undefined` when they are not as many as promised. */
async function readAll(
  chunks: AsyncIterable<Uint8Array>,
  promisedSize: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const gathered = new GatheredBytes();
  let whole: Uint8Array | undefined;
  for await (const chunk of chunks) {
    if (whole !== undefined || gathered.size + chunk.length > promisedSize) return undefined;
    // What a file cache reads in one piece is not copied.
    if (chunk.length === promisedSize && chunk.buffer.byteLength === promisedSize) whole = chunk;
    else gathered.push(chunk);
  }
  if (whole !== undefined) return whole as Uint8Array<ArrayBuffer>;
  return gathered.size === promisedSize ? gathered.take() : undefined;
}

function isSha256(hash: Hash, digest: Uint8Array): boolean {
  return equalHashes(hash, { algorithm: 'sha256', digest });
}

/** Is the NAR's file there, and as long as the narinfo says? Asked without its bytes. */
export async function checkNarFile(
  { backend, storeDir }: BinaryCacheStore,
  info: NarInfo,
  { signal }: AbortOptions,
): Promise<VerifyFinding[]> {
  const { path, url, fileSize } = info;
  const full = formatStorePath(path, storeDir);
  const place = { path, key: url };
  try {
    const found = await findNarFile(backend, info, { uri: backend.uri, path: full }, { signal });
    if (found === undefined)
      return [createFinding('nar-missing', `the NAR of '${full}' is missing: there is no '${url}'`, place)];
    if (found.size === undefined || fileSize === undefined || found.size === fileSize) return [];
    const message = `'${url}', the NAR of '${full}', has ${found.size} bytes, but its narinfo promises ${fileSize}`;
    return [createFinding('file-size', message, place)];
  } catch (error) {
    signal?.throwIfAborted();
    return [describeNarError(error, path, storeDir, url)];
  }
}

/** Read a path's NAR out of another store, and compare it with the path info. */
export async function checkStoredNar(store: Store, info: PathInfo, options: CheckNarOptions): Promise<VerifyFinding[]> {
  const { signal } = options;
  const { path } = info;
  const full = formatStorePath(path, store.storeDir);
  try {
    const nar = measure(store.narFromPath(path, { signal }));
    await drain(nar.stream, options);
    const { hash, size } = nar.result();
    if (equalHashes(hash, info.narHash) && size === info.narSize) return [];
    const expected = { narHash: formatHash(info.narHash, 'nix32'), narSize: info.narSize };
    const actual = { narHash: formatHash(hash, 'nix32'), narSize: size };
    return [describeMismatch(path, full, expected, actual)];
  } catch (error) {
    signal?.throwIfAborted();
    return [describeNarError(error, path, store.storeDir)];
  }
}

/** Where a URL may have a query, it is no key, and there is no asking for it but by its first byte. */
function findNarFile(
  backend: Backend,
  { url }: NarInfo,
  context: { readonly uri: string; readonly path: string },
  options: AbortOptions,
): Promise<{ readonly size: number | undefined } | undefined> {
  if (isKey(url) && !url.includes('?')) return backend.head(url, options);
  return getNarFile(backend, url, context, { ...options, range: { offset: 0, length: 1 } });
}

async function drain(nar: AsyncIterable<Uint8Array>, { signal, onBytes }: CheckNarOptions): Promise<void> {
  for await (const chunk of nar) {
    signal?.throwIfAborted();
    onBytes(chunk.length);
  }
}

/** In a form that can be compared: empty for what is no listing, `undefined` where there is none. */
async function readListing(
  cache: BinaryCacheStore,
  path: StorePath,
  options: AbortOptions,
): Promise<string | undefined> {
  const limits = { ...options, maximumBytes: maximumListingLength };
  try {
    const bytes = await readFile(cache.backend, narListingKey(path), limits);
    return bytes && formatComparable(parseNarListing(bytes));
  } catch (error) {
    if (isDamage(error) || error instanceof NarListingError) return '';
    throw error;
  }
}

function formatComparable(listing: NarListing): string {
  return formatNarListing(listing, { everyExecutable: true });
}

function wrongListing({ storeDir }: BinaryCacheStore, path: StorePath): VerifyFinding {
  const key = narListingKey(path);
  const message = `'${key}' is not the listing of the NAR of '${formatStorePath(path, storeDir)}'`;
  return createFinding('listing-wrong', message, { path, key });
}

function describeNarError(error: unknown, path: StorePath, storeDir: string, url?: string): VerifyFinding {
  const full = formatStorePath(path, storeDir);
  const place = { path, ...(url !== undefined && { key: url }) };
  const message = messageOf(error).includes(full) ? messageOf(error) : `path '${full}': ${messageOf(error)}`;
  if (error instanceof NarMismatchError) return describeMismatch(path, full, error.expected, error.actual, url);
  if (error instanceof StoreError) {
    if (error.code === 'nar-absent' || error.code === 'path-absent')
      return createFinding('nar-missing', message, place);
    if (error.code === 'narinfo-url') return createFinding('nar-url', message, place);
  }
  if (error instanceof CompressionError) {
    if (error.code === 'compression-limit') return createFinding('nar-size', message, place);
    if (error.code === 'compression-corrupt') return createFinding('nar-damaged', message, place);
    return createFinding(error.code, message, place);
  }
  if (error instanceof NarFormatError) return createFinding('nar-damaged', message, place);
  return createFinding('unreadable', message, place);
}

async function describeFileMismatch(
  { backend, storeDir }: BinaryCacheStore,
  { path, url, fileSize }: NarInfo,
  error: StoreError,
  options: AbortOptions,
): Promise<VerifyFinding> {
  const file = isKey(url) ? await backend.head(url, options).catch(() => undefined) : undefined;
  options.signal?.throwIfAborted();
  const isOtherSize = file?.size !== undefined && fileSize !== undefined && file.size !== fileSize;
  const message = `the NAR of '${formatStorePath(path, storeDir)}' is right, but its file is not the one promised: ${error.message}`;
  return createFinding(isOtherSize ? 'file-size' : 'file-hash', message, { path, key: url });
}

/** In Nix's words, of `nix store verify`. */
function describeMismatch(
  path: StorePath,
  full: string,
  expected: NarMeasure,
  actual: NarMeasure,
  url?: string,
): VerifyFinding {
  const place = { path, ...(url !== undefined && { key: url }) };
  if (expected.narHash === actual.narHash)
    return createFinding(
      'nar-size',
      `path '${full}' has ${actual.narSize} bytes of contents, but its path info promises ${expected.narSize}`,
      place,
    );
  return createFinding(
    'nar-hash',
    `path '${full}' was modified! expected hash '${expected.narHash}', got '${actual.narHash}'`,
    place,
  );
}

/** Is it the cache's own fault that a small file cannot be read, and not that of the way there? */
export function isDamage(error: unknown): boolean {
  if (error instanceof BackendError) return error.code === 'object-too-large';
  return error instanceof CompressionError;
}
