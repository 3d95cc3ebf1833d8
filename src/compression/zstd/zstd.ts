/**
 * zstd in independent frames.
 *
 * @module
 */
import { ArchiveReader } from '../archive-reader.ts';
import type { Codec } from '../codec.ts';
import { createFrameBudget, cutFrames, encodeAhead } from '../frames.ts';
import { guarded } from '../guarded.ts';
import { resolveLevel } from '../level.ts';
import type { ZstdEngine } from './zstd-engine.ts';

/**
 * Bytes of input in a frame, as many as level 3 has in its window. Such frames cost 1.2 % of the ratio that frames of 16 MiB (Nix's
 * size since 2.35) have at that level; larger ones, of which there are some for each core, cost memory: those of 4 MiB 70 MB more
 * with two cores, for 0.5 %.
 */
const frameSize = 2_097_152;

/**
 * zstd on an engine: frames of 2 MiB side by side, each with content size and checksum. The archive depends on the input,
 * the level and the engine's libzstd alone, not on the number of cores.
 */
export function createZstd(engine: ZstdEngine): Codec {
  const budget = createFrameBudget(engine.framesAhead);
  return {
    name: 'zstd',
    extension: '.zst',
    compress(source, { level, signal } = {}) {
      const zstdLevel = resolveLevel('zstd', level, { lowest: 1, highest: 22, byDefault: 3 });
      const encode = (frame: Uint8Array<ArrayBuffer>, left: AbortSignal) => engine.encodeFrame(frame, zstdLevel, left);
      return guarded(
        'zstd',
        encodeAhead(atLeastOne(cutFrames(source, frameSize, engine.takesMemory)), encode, budget),
        { signal },
      );
    },
    decompress: (source, options = {}) => guarded('zstd', decode(engine, source), options),
  };
}

/** An archive has a frame also when it has no content. */
async function* atLeastOne(frames: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let count = 0;
  for await (const frame of frames) {
    count++;
    yield frame;
  }
  if (count === 0) yield new Uint8Array(0);
}

async function* decode(engine: ZstdEngine, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const archive = new ArchiveReader('zstd', source);
  try {
    yield* engine.decode(archive);
  } finally {
    await archive.close();
  }
}
