/**
 * The codecs where there is Node.
 *
 * @module
 */
import { br } from './br-node.ts';
import { bzip2 } from './bzip2/bzip2.ts';
import type { Codec, CompressionName } from './codec.ts';
import { gzip } from './gzip-node.ts';
import { none } from './none.ts';
import { lz4, lzip } from './unsupported.ts';
import { createXz } from './xz/xz.ts';
import { createLiblzmaEncoder } from './xz/xz-liblzma.ts';
import { createZstd } from './zstd/zstd.ts';
import { createWorkerZstdEngine } from './zstd/zstd-workers.ts';
import { createZlibZstdEngine, zlibHasZstd } from './zstd/zstd-zlib.ts';

/** Every method by its name. */
export const codecs: Readonly<Record<CompressionName, Codec>> = {
  none,
  br,
  bzip2,
  gzip,
  lz4,
  lzip,
  xz: createXz(createLiblzmaEncoder()),
  zstd: createZstd(zlibHasZstd ? createZlibZstdEngine() : createWorkerZstdEngine()),
};
