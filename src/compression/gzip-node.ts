/**
 * gzip by `node:zlib`.
 *
 * @module
 */
import { createGunzip, createGzip } from 'node:zlib';
import type { Codec } from './codec.ts';
import { guarded } from './guarded.ts';
import { resolveLevel } from './level.ts';
import { throughZlib, zlibChunkSize } from './zlib-stream.ts';

/** gzip; archives of several members are read as one. */
export const gzip: Codec = {
  name: 'gzip',
  extension: '',
  compress(source, { level, signal } = {}) {
    const zlibLevel = resolveLevel('gzip', level, { lowest: 0, highest: 9, byDefault: 6 });
    const create = () => createGzip({ level: zlibLevel, chunkSize: zlibChunkSize });
    return guarded('gzip', throughZlib('gzip', create, source), { signal });
  },
  decompress(source, options = {}) {
    const create = () => createGunzip({ chunkSize: zlibChunkSize });
    return guarded('gzip', throughZlib('gzip', create, source), options);
  },
};
