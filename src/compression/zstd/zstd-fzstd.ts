/**
 * zstd decoding in JavaScript.
 *
 * @module
 */
import { Decompress } from 'fzstd';
import createXxhash from 'xxhash-wasm';
import { CompressionError } from '../compression-error.ts';
import type { ZstdFramePart } from './zstd-frames.ts';

/** The content of frames, checked against their content sizes and checksums. */
export async function* decodeFramesByFzstd(parts: AsyncIterable<ZstdFramePart>): AsyncGenerator<Uint8Array> {
  const { create64 } = await createXxhash();
  let output: Uint8Array[] = [];
  const begin = () => ({
    decoder: new Decompress((chunk) => output.push(chunk)),
    hash: create64(),
    size: 0,
  });
  let frame = begin();
  for await (const { bytes, end } of parts) {
    output = [];
    try {
      frame.decoder.push(bytes);
    } catch (cause) {
      throw corrupt(cause instanceof Error ? cause.message : 'unreadable', { cause });
    }
    for (const chunk of output) {
      frame.size += chunk.length;
      frame.hash.update(chunk);
      yield chunk;
    }
    if (end === undefined) continue;
    if (end.contentSize !== undefined && BigInt(frame.size) !== end.contentSize)
      throw corrupt(`a frame has ${frame.size} bytes of content, and its header says ${end.contentSize}`);
    if (end.checksum !== undefined && Number(BigInt.asUintN(32, frame.hash.digest())) !== end.checksum)
      throw corrupt('a checksum does not match');
    frame = begin();
  }
}

function corrupt(reason: string, options?: ErrorOptions): CompressionError {
  return new CompressionError('compression-corrupt', 'zstd', `the zstd archive is damaged: ${reason}`, options);
}
