/**
 * xz encoding by liblzma, through the optional package `node-liblzma`.
 *
 * @module
 */
import { CompressionError } from '../compression-error.ts';
import { createSlots } from '../slots.ts';
import { threadPoolParallelism } from '../thread-pool.ts';
import type { XzEncoder } from './xz.ts';
import { type XzBlock, xzBlockOf } from './xz-container.ts';

/** liblzma in Node's thread pool. The package is loaded when the first block comes. */
export function createLiblzmaEncoder(): XzEncoder {
  const parallelism = threadPoolParallelism();
  const slots = createSlots(parallelism);
  return {
    blocksAhead: parallelism + 1,
    async encodeBlock(content, level, signal) {
      const liblzma = await loadLiblzma();
      return slots.run(() => encode(liblzma, content, level), signal);
    },
  };
}

type Liblzma = Pick<typeof import('node-liblzma'), 'xzAsync' | 'check'>;

async function encode(liblzma: Liblzma, content: Uint8Array<ArrayBuffer>, level: number): Promise<XzBlock> {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.length);
  return xzBlockOf(new Uint8Array(await liblzma.xzAsync(buffer, { preset: level, check: liblzma.check.CRC64 })));
}

async function loadLiblzma(): Promise<Liblzma> {
  try {
    return await import('node-liblzma');
  } catch (cause) {
    throw new CompressionError(
      'compression-unsupported',
      'xz',
      "writing xz needs the package node-liblzma, which could not be loaded: 'npm install node-liblzma' beside narkit, or write another compression such as zstd",
      { cause },
    );
  }
}
