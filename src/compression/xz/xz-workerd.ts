/**
 * xz in a Worker, reading only.
 *
 * @module
 */
import type { Codec } from '../codec.ts';
import { guarded } from '../guarded.ts';
import { takingTurns } from '../turns.ts';
import { unsupported } from '../unsupported.ts';
import { readXz } from './xz-reader.ts';

/** xz without WebAssembly, about half as fast. It is read, and not written. */
export const xz: Codec = {
  name: 'xz',
  extension: '.xz',
  compress() {
    throw unsupported('xz', 'writing', 'it needs Node and the package node-liblzma');
  },
  decompress: (source, options = {}) => guarded('xz', takingTurns(readXz(source)), options),
};
