/**
 * The codecs where there is no Node.
 *
 * @module
 */
import { bzip2 } from './bzip2/bzip2.ts';
import type { Codec, CompressionName } from './codec.ts';
import { gzip } from './gzip-portable.ts';
import { none } from './none.ts';
import { createUnsupportedCodec, lz4, lzip, unsupported } from './unsupported.ts';
import { createXz } from './xz/xz.ts';
import { createZstd } from './zstd/zstd.ts';
import { createWasmZstdEngine } from './zstd/zstd-wasm.ts';

/** Every method by its name. */
export const codecs: Readonly<Record<CompressionName, Codec>> = {
  none,
  br: createUnsupportedCodec('br', '.br', 'it needs node:zlib'),
  bzip2,
  gzip,
  lz4,
  lzip,
  xz: createXz({
    blocksAhead: 0,
    encodeBlock: () => Promise.reject(unsupported('xz', 'writing', 'it needs Node and the package node-liblzma')),
  }),
  zstd: createZstd(createWasmZstdEngine()),
};
