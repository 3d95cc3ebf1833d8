/**
 * zstd decoding without libzstd, where zlib has none.
 *
 * It is ours because no package does it as a stream with bounded work: those seen ignore checksums, move the whole window for
 * each block, or hang on what is damaged.
 *
 * @module
 */
import createXxhash from 'xxhash-wasm';
import type { ArchiveReader } from '../archive-reader.ts';
import { Damage } from '../damage.ts';
import { BlockDecoder } from './block.ts';
import { History } from './history.ts';
import { maximumBlockSize, readZstdParts, type ZstdFrameHeader } from './zstd-frames.ts';

/** Made once: each of its hashes has its state to itself between two calls. */
let xxhash: ReturnType<typeof createXxhash> | undefined;

/** Decoders that are done: of a small archive, to make one takes longer than to decode. A frame begins with nothing of those before it. */
const idle: { readonly history: History; readonly blocks: BlockDecoder }[] = [];
/** They take 5 MiB at most. */
const mostIdle = 4;
const largestIdleHistory = 8 * maximumBlockSize;

/**
 * The content of an archive's frames, checked against their content sizes and checksums.
 *
 * @throws CompressionError as `readZstdParts` does, and `compression-corrupt` for frames that do not decode.
 */
export async function* decodeZstd(archive: ArchiveReader): AsyncGenerator<Uint8Array> {
  xxhash ??= createXxhash();
  const { create64 } = await xxhash;
  const decoder = idle.pop() ?? { history: new History(), blocks: new BlockDecoder() };
  const { history, blocks } = decoder;
  let header: ZstdFrameHeader | undefined;
  let hash = create64();
  let size = 0n;
  try {
    for await (const part of readZstdParts(archive)) {
      if (part.kind === 'header') {
        header = part.header;
        history.reset(header.windowSize);
        blocks.reset();
        hash = create64();
        size = 0n;
      } else if (part.kind === 'end') {
        const { contentSize = size } = header!;
        if (size !== contentSize)
          throw new Damage(`a frame has ${size} bytes of content, and should have ${contentSize}`);
        const digest = Number(BigInt.asUintN(32, hash.digest()));
        const { buffer, byteOffset, byteLength } = part.checksum;
        if (header!.hasChecksum && digest !== new DataView(buffer, byteOffset, byteLength).getUint32(0, true))
          throw new Damage('the checksum of a frame does not match');
      } else {
        history.reserve();
        const start = history.end;
        if (part.kind === 'compressed') blocks.decode(part.body, history);
        else if (part.kind === 'repeated') history.appendRepeated(part.body[0]!, part.size);
        else history.append(part.body);
        const content = history.bytes.slice(start, history.end);
        size += BigInt(content.length);
        if (header!.hasChecksum) hash.update(content);
        yield content;
      }
    }
  } catch (error) {
    throw error instanceof Damage ? archive.corrupt(error.message) : error;
  } finally {
    if (idle.length < mostIdle && history.bytes.length <= largestIdleHistory) idle.push(decoder);
  }
}
