/**
 * bzip2, reading only.
 *
 * @module
 */
import { GatheredBytes } from '../../bytes/gathered.ts';
import type { Codec } from '../codec.ts';
import { CompressionError } from '../compression-error.ts';
import { Damage } from '../damage.ts';
import { guarded } from '../guarded.ts';
import { takingTurns } from '../turns.ts';
import { unsupported } from '../unsupported.ts';
import { BitReader } from './bit-reader.ts';
import { Bzip2Block } from './bzip2-block.ts';

/** Bytes that any block fits in: 900,000 symbols of at most 20 bits, and its codes. */
const blockAhead = 2_400_000;

/** Bytes in an output chunk. */
const outputSize = 131_072;

/** bzip2 as libbz2 and parallel implementations write it, in one or more streams. It is read, and not written. */
export const bzip2: Codec = {
  name: 'bzip2',
  extension: '.bz2',
  compress() {
    throw unsupported('bzip2', 'writing', 'write another compression such as zstd');
  },
  decompress: (source, options = {}) => guarded('bzip2', takingTurns(decodeBzip2(source)), options),
};

async function* decodeBzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let bytes: Uint8Array = new Uint8Array(0);
  let ended = false;
  let offset = 0;

  /** A reader that has the next block in whole, if the archive has. */
  async function lookAhead(bitPosition: number): Promise<BitReader> {
    const rest = bytes.subarray(bitPosition >>> 3);
    offset += bytes.length - rest.length;
    bytes = rest;
    if (!ended && bytes.length < blockAhead) {
      // Twice as many as are needed, so that blocks of a few bytes do not each move all that was read ahead.
      const gathered = new GatheredBytes();
      gathered.push(rest);
      while (!ended && gathered.size < 2 * blockAhead) {
        const next = await chunks.next();
        ended = next.done === true;
        if (next.done !== true) gathered.push(next.value);
      }
      bytes = gathered.take();
    }
    return new BitReader(bytes, bitPosition & 7);
  }

  const corrupt = (reason: string, bits: BitReader, options?: ErrorOptions): CompressionError =>
    new CompressionError(
      'compression-corrupt',
      'bzip2',
      `the bzip2 archive is damaged: ${bits.isPastEnd ? 'it is cut short' : reason}, at byte ${offset + Math.floor(bits.bitPosition / 8)}`,
      options,
    );

  try {
    const block = new Bzip2Block();
    let bits = await lookAhead(0);
    do {
      const isStream = bits.read(24) === 0x425a68; // "BZh"
      const level = bits.read(8) - 0x30;
      if (!isStream || level < 1 || level > 9) throw corrupt('no bzip2 stream begins before here', bits);
      block.reset(level * 100_000);
      let streamCrc = 0;
      for (;;) {
        bits = await lookAhead(bits.bitPosition);
        const magic = [bits.read(24), bits.read(24)];
        const crc = ((bits.read(16) << 16) | bits.read(16)) >>> 0;
        if (magic[0] === 0x177245 && magic[1] === 0x385090) {
          if (bits.isPastEnd || crc !== streamCrc) throw corrupt("a stream's checksum does not match", bits);
          break;
        }
        if (magic[0] !== 0x314159 || magic[1] !== 0x265359) throw corrupt('no block begins before here', bits);
        beginBlock(block, bits, corrupt);
        for (let size = outputSize; size === outputSize; ) {
          const output = new Uint8Array(outputSize);
          size = block.read(output);
          if (size > 0) yield output.subarray(0, size);
        }
        if (block.crc !== crc) throw corrupt("a block's checksum does not match", bits);
        streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ crc) >>> 0;
      }
      bits = await lookAhead((bits.bitPosition + 7) & ~7);
    } while (bytes.length > 0);
  } finally {
    await chunks.return?.();
  }
}

function beginBlock(
  block: Bzip2Block,
  bits: BitReader,
  corrupt: (reason: string, bits: BitReader, options: ErrorOptions) => CompressionError,
): void {
  try {
    block.begin(bits);
  } catch (cause) {
    if (cause instanceof Damage) throw corrupt(cause.message, bits, { cause });
    throw cause;
  }
}
