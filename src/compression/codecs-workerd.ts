/**
 * The codecs in a Worker, which may not compile WebAssembly but from modules beside its program.
 *
 * @module
 */
import { bzip2 } from './bzip2/bzip2.ts';
import type { Codec, CompressionName } from './codec.ts';
import { gzip } from './gzip-portable.ts';
import { none } from './none.ts';
import { takingTurns } from './turns.ts';
import { createUnsupportedCodec, lz4, lzip, unsupported } from './unsupported.ts';
import { xz } from './xz/xz-workerd.ts';
import { createZstd } from './zstd/zstd.ts';
import { decodeZstd } from './zstd/zstd-decoder.ts';

/** Every method by its name. */
export const codecs: Readonly<Record<CompressionName, Codec>> = {
  none,
  br: createUnsupportedCodec('br', '.br', 'it needs node:zlib'),
  bzip2,
  gzip,
  lz4,
  lzip,
  xz,
  zstd: createZstd({
    framesAhead: 0,
    takesMemory: false,
    encodeFrame: () =>
      Promise.reject(unsupported('zstd', 'writing', 'a Worker may not compile WebAssembly; write gzip or none')),
    decode: (archive) => takingTurns(decodeZstd(archive)),
  }),
};
