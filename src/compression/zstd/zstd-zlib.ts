/**
 * zstd by `node:zlib`, which has it from Node 22.15 on.
 *
 * @module
 */
import * as zlib from 'node:zlib';
import { concatBytes } from '../../bytes/bytes.ts';
import { createSlots } from '../slots.ts';
import { threadPoolParallelism } from '../thread-pool.ts';
import { throughZlib, zlibChunkSize } from '../zlib-stream.ts';
import type { ZstdEngine } from './zstd-engine.ts';
import type { ZstdFramePart } from './zstd-frames.ts';

/** Does this Node have zstd? */
export const zlibHasZstd: boolean = 'zstdCompress' in zlib;

/** zstd in Node's thread pool. */
export function createZlibZstdEngine(): ZstdEngine {
  const parallelism = threadPoolParallelism();
  const slots = createSlots(parallelism);
  return {
    framesAhead: parallelism + 1,
    encodeFrame: (content, level, signal) => slots.run(() => compress(content, level), signal),
    decodeFrames: (parts) => throughZlib('zstd', createDecoder, bytesOf(parts)),
  };
}

/**
 * A frame in one call of libzstd, which so knows the content's size and compresses it better. `zlib.zstdCompress` would end
 * the frame by a second call.
 */
function compress(content: Uint8Array, level: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const stream = zlib.createZstdCompress({
      chunkSize: content.length + (content.length >> 8) + 1024, // room for any frame of this content
      flush: zlib.constants.ZSTD_e_end,
      params: { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: 1 },
    });
    const parts: Uint8Array[] = [];
    stream.on('data', (part: Uint8Array) => parts.push(part));
    stream.on('error', reject);
    stream.write(content, () => {
      stream.destroy();
      resolve(concatBytes(parts));
    });
  });
}

const createDecoder = () => zlib.createZstdDecompress({ chunkSize: zlibChunkSize });

/** The decoder goes on to the next frame by itself when each write ends at the end of a frame or before it. */
async function* bytesOf(parts: AsyncIterable<ZstdFramePart>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of parts) yield bytes;
}
