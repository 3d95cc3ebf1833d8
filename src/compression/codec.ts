/**
 * What a compression method can do.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';

/** A compression method by Nix's name for it. */
export type CompressionName = 'none' | 'br' | 'bzip2' | 'gzip' | 'lz4' | 'lzip' | 'xz' | 'zstd';

/** How to compress. */
export interface CompressOptions extends AbortOptions {
  /** The codec's own scale; absent or -1 for its default. */
  readonly level?: number | undefined;
}

/** How to decompress. */
export interface DecompressOptions extends AbortOptions {
  /** More bytes than this out of the archive are an error: no decompression bomb goes further. */
  readonly maximumSize?: number | undefined;
}

/** One compression method. Both directions are streams with bounded memory. */
export interface Codec {
  readonly name: CompressionName;
  /** What Nix appends to `.nar`: `.zst`, `.xz`, …, or nothing. */
  readonly extension: string;
  /** One whole archive of all that the source gives. */
  compress(source: AsyncIterable<Uint8Array>, options?: CompressOptions): AsyncIterable<Uint8Array>;
  /** What is in an archive. @throws CompressionError when it is damaged, cut short, or has something behind it. */
  decompress(source: AsyncIterable<Uint8Array>, options?: DecompressOptions): AsyncIterable<Uint8Array>;
}
