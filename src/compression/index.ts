/**
 * Compression methods by Nix's names, as streams.
 *
 * @module
 */
export type { Codec, CompressionName, CompressOptions, DecompressOptions } from './codec.ts';
export { CompressionError, type CompressionErrorCode } from './compression-error.ts';
export { compressionNames } from './compression-name.ts';
export { codecOfExtension, findCodec } from './find-codec.ts';
