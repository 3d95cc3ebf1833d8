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
import {
  createNarListingBuilder,
  formatNarListing,
  type NarEntry,
  type NarListing,
  NarListingError,
  observeNar,
} from '../nar/index.ts';
import { type NarInfo, narListingKey } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import type { CompressedNar } from '../store/store.ts';
import { formatStorePath } from '../store-path.ts';
import { type DebugInfoFile, debugInfoFileOf, formatDebugInfoLink } from './debug-info.ts';
import { putCompressed } from './put-compressed.ts';
import { type NarDestination, putCompressedNar, putNar } from './put-nar.ts';

/** How many debug links go up at a time, as in Nix. */
const debugLinkConcurrency = 25;

/** Where the NAR comes from. */
export interface NarSource {
  openNar(): AsyncIterable<Uint8Array>;
  /** The same NAR in a file that may be taken as it is. */
  readonly compressedNar?: CompressedNar | undefined;
}

/**
 * Lay a path's NAR down: the file that another cache has as it is, unless the settings ask for another compression.
 *
 * @returns the narinfo that makes the path visible, yet to be signed and put.
 * @throws {@link NarMismatchError} when the NAR is not the one that the path info promises; nothing lies in the cache then.
 */
export async function layDownNar(
  to: NarDestination,
  info: PathInfo,
  { openNar, compressedNar }: NarSource,
  options: AbortOptions,
): Promise<NarInfo> {
  const { compression, writeNarListing, indexDebugInfo } = to.settings;
  const listing = writeNarListing ? createNarListingBuilder() : undefined;
  const debugInfoFiles: DebugInfoFile[] = [];
  const onEntry = (entry: NarEntry): void => {
    listing?.onEntry(entry);
    const file = indexDebugInfo && entry.type === 'regular' ? debugInfoFileOf(entry.path) : undefined;
    if (file !== undefined) debugInfoFiles.push(file);
  };
  const observe = (nar: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    listing !== undefined || indexDebugInfo ? observeNar(nar, { onEntry }) : nar;
  const isAsWanted = compression === undefined || compression === compressedNar?.compression;
  const narInfo =
    compressedNar !== undefined && isAsWanted
      ? await putCompressedNar(to, info, compressedNar, observe, options)
      : await putNar(to, info, observe(openNar()), options);

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
