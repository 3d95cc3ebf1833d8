/**
 * The table of compression methods.
 *
 * @module
 */
import { codecs } from '#codecs';
import type { Codec } from './codec.ts';
import { parseCompressionName } from './compression-name.ts';

/**
 * The codec of a method. It may refuse a direction, when it is asked for it.
 *
 * @throws CompressionError `compression-unsupported` for the methods of Nix that narkit does not have, and
 *   `compression-unknown` for names that Nix does not have either.
 * @see Nix, `src/libutil/compression-algo.cc`
 * @example
 * ```ts
 * import { findCodec } from 'narkit/compression';
 *
 * async function* source() {
 *   yield new TextEncoder().encode('hello');
 * }
 * const { compress, decompress } = findCodec('zstd');
 * for await (const chunk of decompress(compress(source(), { level: 19 }), { maximumSize: 5 })) console.log(chunk);
 * ```
 */
export function findCodec(name: string): Codec {
  return codecs[parseCompressionName(name)];
}

/**
 * The codec whose NARs have names that end in this extension (`.xz`), if there is one. The extension of `none` and `gzip` is
 * empty in Nix: the empty text gives `none`.
 */
export function codecOfExtension(extension: string): Codec | undefined {
  return Object.values(codecs).find((codec) => codec.extension === extension);
}
