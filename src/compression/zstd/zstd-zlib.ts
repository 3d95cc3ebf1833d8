/**
 * zstd by `node:zlib`, which has it from Node 22.15 on.
 *
 * @module
 */
import * as zlib from 'node:zlib';
import { concatBytes } from '../../bytes/bytes.ts';
import type { ArchiveReader } from '../archive-reader.ts';
import { createSlots } from '../slots.ts';
import { threadPoolParallelism } from '../thread-pool.ts';
import { corrupt, throughZlib } from '../zlib-stream.ts';
import type { ZstdEngine } from './zstd-engine.ts';
import { maximumBlockSize, readZstdParts, type ZstdPart } from './zstd-frames.ts';

/** Does this Node have zstd? */
export const zlibHasZstd: boolean = 'zstdCompress' in zlib;

/** zstd in Node's thread pool. */
export function createZlibZstdEngine(): ZstdEngine {
  const parallelism = threadPoolParallelism();
  const slots = createSlots(parallelism);
  return {
    framesAhead: parallelism + 1,
    takesMemory: false,
    encodeFrame: (content, level, signal) => slots.run(() => compress(content, level), signal),
    decode,
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
    stream.write(content, (error) => {
      stream.destroy();
      if (error) reject(error);
      else resolve(concatBytes(parts));
    });
  });
}

/** What a frame of a header, four blocks and an end is read in: half a megabyte of content, decoded in less than a millisecond. */
const smallFrameParts = 6;

/**
 * An archive of one small frame is decoded in one call on this thread: a stream and its trips to the thread pool take longer
 * than its content.
 */
async function* decode(archive: ArchiveReader): AsyncGenerator<Uint8Array> {
  const parts = readZstdParts(archive);
  const begin: ZstdPart[] = [];
  let ended = false;
  while (!ended && begin.length <= smallFrameParts) {
    const next = await parts.next();
    if (next.done === true) ended = true;
    else begin.push(next.value);
  }
  const frames = begin.filter(({ kind }) => kind === 'header').length;
  if (ended && frames === 1) yield decodeSmallFrame(begin);
  else yield* throughZlib('zstd', createDecoder, writesOf(chained(begin, parts)));
}

function decodeSmallFrame(parts: readonly ZstdPart[]): Uint8Array {
  const mostContent = (parts.length - 2) * maximumBlockSize;
  try {
    const frame = concatBytes(parts.flatMap(bytesOf));
    // With a byte of room left zlib does not ask for more.
    const content = zlib.zstdDecompressSync(frame, { chunkSize: mostContent + 1, maxOutputLength: mostContent });
    return new Uint8Array(content.buffer, content.byteOffset, content.length);
  } catch (error) {
    throw corrupt('zstd', error);
  }
}

async function* chained(begin: readonly ZstdPart[], rest: AsyncIterable<ZstdPart>): AsyncGenerator<ZstdPart> {
  yield* begin;
  yield* rest;
}

/** Bytes of content that a trip to the thread pool brings at most; zstd makes so much of so little that smaller ones take longer than the work. */
const decodedChunkSize = 524_288;

const createDecoder = () => zlib.createZstdDecompress({ chunkSize: decodedChunkSize });

/** Parts are joined up to this size, in bytes: each write takes a trip to the thread pool, too. */
const writeSize = 262_144;

/**
 * The archive in writes of which none reaches over the end of a frame: so the decoder goes on to the next frame by itself,
 * and takes nothing for the end of the archive.
 */
async function* writesOf(parts: AsyncIterable<ZstdPart>): AsyncGenerator<Uint8Array> {
  let joined: Uint8Array[] = [];
  let size = 0;
  let isEmpty = true;
  for await (const part of parts) {
    isEmpty = false;
    for (const bytes of bytesOf(part)) {
      joined.push(bytes);
      size += bytes.length; // also of a block that has a header alone: there may be any number of them
    }
    if (size < writeSize && part.kind !== 'end') continue;
    yield concatBytes(joined);
    joined = [];
    size = 0;
  }
  if (isEmpty) yield emptyFrame;
}

/** What the decoder gets in place of skippable frames alone: it takes nothing at all for the end of the file. */
const emptyFrame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0);

function bytesOf(part: ZstdPart): readonly Uint8Array[] {
  if (part.kind === 'header') return [part.header.bytes];
  if (part.kind === 'end') return [part.checksum];
  return [part.blockHeader, part.body];
}
