/**
 * A NAR out of its compressed file, both checked while they stream.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { CompressionError, findCodec } from '../compression/index.ts';
import { equalHashes, formatHash, type Hash } from '../hash/index.ts';
import type { PathInfo } from '../path-info.ts';
import { formatStorePath } from '../store-path.ts';
import { heldUntilWhole, requirePromisedNar } from './checked-nar.ts';
import { measure } from './measured.ts';
import type { CompressedNar } from './store.ts';
import { StoreError } from './store-error.ts';

/** No method needs more bytes for a file than twice those of the NAR, and some for its own frames. */
const maximumFileSize = (narSize: number): number => 2 * narSize + 1024 * 1024;

/** A NAR out of its file, and what the file was. */
export interface UnpackedNar {
  /** The NAR. Who reaches the end without an error has the bytes that the path info promises, out of the file that was promised. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** sha256 and bytes of the file; call it after the stream has ended. */
  file(): { readonly hash: Hash; readonly size: number };
}

/** How to unpack. */
export interface UnpackOptions extends AbortOptions {
  /** Takes each chunk of the file, one after the other. */
  readonly keep?: ((chunk: Uint8Array) => Promise<void>) | undefined;
}

/**
 * Unpack a NAR, and compare it and its file with what is promised of them.
 *
 * @throws {@link StoreError} `nar-file-mismatch` when the file is not the one that is promised; {@link NarMismatchError} when what comes
 * out of it is another NAR; {@link CompressionError} when it cannot be unpacked.
 */
export function unpackNar(
  compressed: CompressedNar,
  info: PathInfo,
  storeDir: string,
  options: UnpackOptions,
): UnpackedNar {
  const { signal, keep } = options;
  const path = formatStorePath(info.path, storeDir);
  const file = measure(compressed.open({ signal }));

  async function* fileChunks(): AsyncGenerator<Uint8Array> {
    const most = maximumFileSize(info.narSize);
    let size = 0;
    for await (const chunk of file.stream) {
      size += chunk.length;
      if (size > most) throw fileMismatch(compressed, path, `goes on after ${most} bytes`);
      yield chunk;
    }
  }

  async function* narChunks(): AsyncGenerator<Uint8Array> {
    try {
      const codec = findCodec(compressed.compression);
      const decompressed = codec.decompress(keep === undefined ? fileChunks() : keptChunks(fileChunks(), keep), {
        signal,
        maximumSize: info.narSize,
      });
      // What is not compressed is not hashed twice.
      const nar = codec.name === 'none' ? { stream: decompressed, result: file.result } : measure(decompressed);
      yield* nar.stream;
      requirePromisedNar(info, nar.result(), { uri: compressed.uri, storeDir });
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error;
      const message = `cannot unpack '${compressed.url}' of '${compressed.uri}', the NAR of '${path}': ${error.message}`;
      throw new CompressionError(error.code, error.compression, message, { cause: error });
    }
    const { hash, size } = file.result();
    const { fileHash, fileSize } = compressed;
    if ((fileHash !== undefined && !equalHashes(hash, fileHash)) || (fileSize !== undefined && size !== fileSize))
      throw fileMismatch(compressed, path, `has hash ${formatHash(hash, 'nix32')} and ${size} bytes`);
  }

  return { stream: narChunks(), file: file.result };
}

/** The chunks again, each while it is kept. */
async function* keptChunks(
  chunks: AsyncIterable<Uint8Array>,
  keep: (chunk: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let kept = Promise.resolve();
  try {
    for await (const chunk of chunks) {
      await kept;
      // Both own what they are given: a decoder may hand it over to another thread.
      const copy = new Uint8Array(chunk);
      kept = keep(chunk);
      kept.catch(() => {}); // thrown where it is awaited
      yield copy;
    }
    await kept;
  } finally {
    await kept.catch(() => {});
  }
}

function fileMismatch({ uri, url, fileHash, fileSize }: CompressedNar, path: string, reason: string): StoreError {
  const hash = fileHash === undefined ? 'any hash' : formatHash(fileHash, 'nix32');
  const message = `'${url}' of '${uri}' ${reason}, but the narinfo of '${path}' promises ${hash} and ${fileSize ?? 'any number of'} bytes`;
  return new StoreError('nar-file-mismatch', message, { uri, path });
}

/** The NAR of {@link unpackNar} for a store to take: whoever reads it learns that it is another before learning that it is none. */
export function unpackWholeNar(
  compressed: CompressedNar,
  info: PathInfo,
  storeDir: string,
  options: AbortOptions,
): AsyncIterable<Uint8Array> {
  return heldUntilWhole(unpackNar(compressed, info, storeDir, options).stream);
}
