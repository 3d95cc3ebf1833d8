/**
 * xz in independent blocks.
 *
 * @module
 */
import type { Codec } from '../codec.ts';
import { createFrameBudget, cutFrames, encodeAhead } from '../frames.ts';
import { guarded } from '../guarded.ts';
import { resolveLevel } from '../level.ts';
import { takingTurns } from '../turns.ts';
import { writeXzStream, type XzBlock } from './xz-container.ts';
import { decodeXz } from './xz-decoder.ts';

/** What the xz codec needs of the machine it runs on, to write. */
export interface XzEncoder {
  /** How many blocks may be under way in all streams together, beyond the first of each. */
  readonly blocksAhead: number;
  /**
   * One block with a CRC-64. The encoder owns `content`, which is not empty.
   *
   * @throws CompressionError `compression-unsupported` when there is no encoder; the signal's reason when it is aborted
   *   before the work began.
   */
  encodeBlock(content: Uint8Array<ArrayBuffer>, level: number, signal: AbortSignal): Promise<XzBlock>;
}

/** Blocks of three dictionaries are the rule of `xz -T`; larger ones than 64 MiB would take too much memory. */
function blockSizeOf(level: number): number {
  const dictionarySize = [0.25, 1, 2, 4, 4, 8, 8, 16, 32, 64][level]! * 1_048_576;
  return Math.min(Math.max(3 * dictionarySize, 1_048_576), 67_108_864);
}

/** xz on an encoder. The archive depends on the input, the level and the encoder alone, not on the number of cores. */
export function createXz(encoder: XzEncoder): Codec {
  const budget = createFrameBudget(encoder.blocksAhead);
  return {
    name: 'xz',
    extension: '.xz',
    compress(source, { level, signal } = {}) {
      const xzLevel = resolveLevel('xz', level, { lowest: 0, highest: 9, byDefault: 6 });
      const encode = (block: Uint8Array<ArrayBuffer>, left: AbortSignal) => encoder.encodeBlock(block, xzLevel, left);
      const blocks = encodeAhead(cutFrames(source, blockSizeOf(xzLevel)), encode, budget);
      return guarded('xz', writeXzStream(blocks), { signal });
    },
    decompress: (source, options = {}) => guarded('xz', takingTurns(decodeXz(source)), options),
  };
}
