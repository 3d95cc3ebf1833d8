/**
 * Brotli by `node:zlib`.
 *
 * @module
 */
import { constants, createBrotliCompress, createBrotliDecompress } from 'node:zlib';
import type { Codec } from './codec.ts';
import { guarded } from './guarded.ts';
import { resolveLevel } from './level.ts';
import { throughZlib, zlibChunkSize } from './zlib-stream.ts';

/** Brotli. The default is its slowest level, 11, as in Nix: at about 0.5 MB/s it is meant for small files. */
export const br: Codec = {
  name: 'br',
  extension: '.br',
  compress(source, { level, signal } = {}) {
    const quality = resolveLevel('br', level, { lowest: 0, highest: 11, byDefault: 11 });
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
    const create = () => createBrotliCompress({ chunkSize: zlibChunkSize, params });
    return guarded('br', throughZlib('br', create, source), { signal });
  },
  decompress(source, options = {}) {
    const create = () => createBrotliDecompress({ chunkSize: zlibChunkSize });
    return guarded('br', throughZlib('br', create, source), options);
  },
};
