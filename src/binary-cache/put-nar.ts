/**
 * The file of a NAR goes into a binary cache under its hash.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend, StagedObject } from '../backend/backend.ts';
import { findCodec } from '../compression/index.ts';
import type { Hash } from '../hash/index.ts';
import { type NarInfo, narKey } from '../narinfo/index.ts';
import type { PathInfo } from '../path-info.ts';
import { requirePromisedNar } from '../store/checked-nar.ts';
import { measure } from '../store/measured.ts';
import type { CompressedNar } from '../store/store.ts';
import { unpackNar } from '../store/unpack-nar.ts';
import type { BinaryCacheSettings } from './settings.ts';
import { stageObject } from './staging.ts';

/** The cache that a NAR goes into. */
export interface NarDestination {
  readonly backend: Backend;
  readonly settings: BinaryCacheSettings;
  readonly storeDir: string;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A file that was written, as the narinfo names it. */
type WrittenFile = Required<Pick<NarInfo, 'compression' | 'fileHash' | 'fileSize'>>;

/**
 * NAR → compressed → staged; named and visible once its hash is known and the NAR is the right one.
 *
 * @throws {@link NarMismatchError}
 */
export function putNar(
  to: NarDestination,
  info: PathInfo,
  source: AsyncIterable<Uint8Array>,
  options: AbortOptions,
): Promise<NarInfo> {
  return putStaged(to, info, options, async (staged) => {
    const { compression = 'zstd', compressionLevel: level } = to.settings;
    const nar = measure(source);
    // What is not compressed is not hashed twice.
    const file =
      compression === 'none' ? nar : measure(findCodec(compression).compress(nar.stream, { ...options, level }));
    for await (const chunk of file.stream) {
      options.signal?.throwIfAborted();
      await staged.write(chunk);
    }
    requirePromisedNar(info, nar.result(), { uri: to.backend.uri, storeDir: to.storeDir });
    return describeFile(compression, file.result());
  });
}

/**
 * The file of another cache → staged, as it is; unpacked on the way, and visible once the file and the NAR are the right ones.
 *
 * @param observe sees the NAR on its way to nowhere.
 * @throws as {@link unpackNar}
 */
export function putCompressedNar(
  to: NarDestination,
  info: PathInfo,
  compressed: CompressedNar,
  observe: (nar: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  options: AbortOptions,
): Promise<NarInfo> {
  return putStaged(to, info, options, async (staged) => {
    const nar = unpackNar(compressed, info, to.storeDir, { ...options, keep: (chunk) => staged.write(chunk) });
    for await (const _ of observe(nar.stream)) options.signal?.throwIfAborted();
    return describeFile(compressed.compression, nar.file());
  });
}

async function putStaged(
  to: NarDestination,
  info: PathInfo,
  options: AbortOptions,
  write: (staged: StagedObject) => Promise<WrittenFile>,
): Promise<NarInfo> {
  const staged = await stageObject(to.backend, options);
  try {
    const file = await write(staged);
    const url = narKey(file.fileHash, file.compression);
    await staged.commit(url, { ...options, contentType: 'application/x-nix-nar' });
    return { ...info, url, ...file };
  } catch (error) {
    await staged.abort();
    throw error;
  }
}

function describeFile(compression: string, { hash, size }: { hash: Hash; size: number }): WrittenFile {
  return { compression, fileHash: hash, fileSize: size };
}
