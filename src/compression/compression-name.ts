/**
 * The names of compression methods, apart from what does their work.
 *
 * @module
 */
import type { CompressionName } from './codec.ts';
import { CompressionError } from './compression-error.ts';

const isKnown: Readonly<Record<CompressionName, true>> = {
  none: true,
  br: true,
  bzip2: true,
  gzip: true,
  lz4: true,
  lzip: true,
  xz: true,
  zstd: true,
};

/** The names of all methods that `findCodec` knows, as Nix's `compression` setting and narinfo's `Compression` have them. */
export const compressionNames: readonly CompressionName[] = Object.keys(isKnown) as CompressionName[];

const otherMethodsOfNix: readonly string[] = ['compress', 'grzip', 'lrzip', 'lzma', 'lzop'];

/**
 * The name, if there is a codec of this name.
 *
 * @throws CompressionError as `findCodec` does.
 */
export function parseCompressionName(name: string): CompressionName {
  if (Object.hasOwn(isKnown, name)) return name as CompressionName;
  if (otherMethodsOfNix.includes(name))
    throw new CompressionError(
      'compression-unsupported',
      name,
      `narkit does not have Nix's compression method '${name}': use ${compressionNames.join(', ')}`,
    );
  throw new CompressionError(
    'compression-unknown',
    name,
    `there is no compression method ${JSON.stringify(name)}: known are ${compressionNames.join(', ')}`,
  );
}
