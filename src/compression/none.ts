/**
 * No compression.
 *
 * @module
 */
import type { Codec } from './codec.ts';
import { guarded } from './guarded.ts';

/** What comes in goes out. A level means nothing here, as in Nix. */
export const none: Codec = {
  name: 'none',
  extension: '',
  compress: (source, options = {}) => guarded('none', source, { signal: options.signal }),
  decompress: (source, options = {}) => guarded('none', source, options),
};
