/**
 * The NAR of a path goes into a binary cache, with its listing and debug links where the settings ask for them.
 *
 * Steps and media types: Nix `src/libstore/binary-cache-store.cc` (`addToStoreCommon`). Other than there, the NAR is compared
 * with what the local store recorded: a path that was changed after its registration never gets a narinfo.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import { encodeUtf8 } from '../bytes/index.ts';
import { type Codec, findCodec } from '../compression/index.ts';
import { equalHashes, formatHash } from '../hash/index.ts';
import {
  createNarListingBuilder,
  formatNarListing,
  type NarEntry,
  type NarListing,
  NarListingError,
  observeNar,
} from '../nar/index.ts';
import { type NarInfo, narKey, narListingKey } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import { NarMismatchError } from '../store/store-error.ts';
import { formatStorePath } from '../store-path.ts';
import { type DebugInfoFile, debugInfoFileOf, formatDebugInfoLink } from './debug-info.ts';
import { type MeasuredStream, measure } from './measured.ts';
import { putCompressed } from './put-compressed.ts';
import type { BinaryCacheSettings } from './settings.ts';
import { stageObject } from './staging.ts';

/** How many debug links go up at a time, as in Nix. */
const debugLinkConcurrency = 25;

/** The cache that a NAR goes into. */
export interface NarDestination {
  readonly backend: Backend;
  readonly settings: BinaryCacheSettings;
  readonly storeDir: string;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Lay a path's NAR down.
 *
 * @returns the narinfo that makes the path visible, yet to be signed and put.
 * @throws {@link NarMismatchError} when the NAR is not the one that the path info promises; nothing lies in the cache then.
 */
export async function layDownNar(
  to: NarDestination,
  info: PathInfo,
  nar: AsyncIterable<Uint8Array>,
  options: AbortOptions,
): Promise<NarInfo> {
  const listing = to.settings.writeNarListing ? createNarListingBuilder() : undefined;
  const debugInfoFiles: DebugInfoFile[] = [];
  const noteEntry = (entry: NarEntry): void => {
    listing?.onEntry(entry);
    const file = to.settings.indexDebugInfo && entry.type === 'regular' ? debugInfoFileOf(entry.path) : undefined;
    if (file !== undefined) debugInfoFiles.push(file);
  };
  const observed = listing !== undefined || to.settings.indexDebugInfo ? observeNar(nar, { onEntry: noteEntry }) : nar;
  const narInfo = await putNar(to, info, observed, options);

  if (listing !== undefined) await putListing(to, info, listing.finish(), options);
  await pMap(debugInfoFiles, (file) => putDebugInfoLink(to.backend, narInfo.url, file, options), {
    concurrency: debugLinkConcurrency,
  });
  return narInfo;
}

async function putListing(
  to: NarDestination,
  info: PathInfo,
  listing: NarListing,
  options: AbortOptions,
): Promise<void> {
  try {
    const bytes = encodeUtf8(formatNarListing(listing));
    const key = narListingKey(info.path);
    await putCompressed(to.backend, key, bytes, 'application/json', to.settings.lsCompression, options);
  } catch (error) {
    if (!(error instanceof NarListingError)) throw error;
    // Nix would not copy such a path at all; a path without a listing is a good path.
    to.onWarning?.(`no listing of '${formatStorePath(info.path, to.storeDir)}': ${error.message}`);
  }
}

/** NAR → compressed → staged; named and visible once its hash is known and the NAR is the right one. */
async function putNar(
  to: NarDestination,
  info: PathInfo,
  source: AsyncIterable<Uint8Array>,
  options: AbortOptions,
): Promise<NarInfo> {
  const codec = findCodec(to.settings.compression ?? 'zstd');
  const nar = measure(source);
  const file = compressMeasured(codec, nar, to.settings.compressionLevel, options);
  const staged = await stageObject(to.backend, options);
  try {
    for await (const chunk of file.stream) {
      options.signal?.throwIfAborted();
      await staged.write(chunk);
    }
    const { hash: narHash, size: narSize } = nar.result();
    if (!equalHashes(narHash, info.narHash) || narSize !== info.narSize)
      throw new NarMismatchError(
        formatStorePath(info.path, to.storeDir),
        to.backend.uri,
        { narHash: formatHash(info.narHash, 'nix32'), narSize: info.narSize },
        { narHash: formatHash(narHash, 'nix32'), narSize },
      );
    const { hash: fileHash, size: fileSize } = file.result();
    const url = narKey(fileHash, codec.name);
    await staged.commit(url, { ...options, contentType: 'application/x-nix-nar' });
    return { ...info, url, compression: codec.name, fileHash, fileSize };
  } catch (error) {
    await staged.abort();
    throw error;
  }
}

/** What is not compressed is not hashed twice. */
function compressMeasured(
  codec: Codec,
  nar: MeasuredStream,
  level: number | undefined,
  options: AbortOptions,
): MeasuredStream {
  if (codec.name === 'none') return nar;
  return measure(codec.compress(nar.stream, { ...options, level }));
}

async function putDebugInfoLink(
  backend: Backend,
  url: string,
  file: DebugInfoFile,
  options: AbortOptions,
): Promise<void> {
  if ((await backend.head(file.key, options)) !== undefined) return;
  const link = encodeUtf8(formatDebugInfoLink(url, file.member));
  await backend.put(file.key, link, { ...options, contentType: 'application/json' });
}
