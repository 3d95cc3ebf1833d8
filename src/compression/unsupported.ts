/**
 * Methods that Nix knows and narkit does not.
 *
 * @module
 */
import type { Codec, CompressionName } from './codec.ts';
import { CompressionError } from './compression-error.ts';

/** The error for what a codec cannot do here: `doing` is "reading" or "writing". */
export function unsupported(compression: CompressionName, doing: string, advice: string): CompressionError {
  return new CompressionError(
    'compression-unsupported',
    compression,
    `${doing} ${compression} is not supported here: ${advice}`,
  );
}

/** A codec that refuses both directions. */
export function createUnsupportedCodec(name: CompressionName, extension: string, advice: string): Codec {
  return {
    name,
    extension,
    compress() {
      throw unsupported(name, 'writing', advice);
    },
    decompress() {
      throw unsupported(name, 'reading', advice);
    },
  };
}

const noPackage = 'no well-kept package reads or writes it; use xz, zstd or bzip2';

/** lz4, refused. */
export const lz4: Codec = createUnsupportedCodec('lz4', '.lz4', noPackage);

/** lzip, refused. */
export const lzip: Codec = createUnsupportedCodec('lzip', '.lzip', noPackage);
