/**
 * Streams of bytes to feed codecs with, and what to do with those that come back.
 *
 * @module
 */
import { concatBytes } from '../../src/bytes/bytes.ts';

/** `bytes` in chunks of these sizes, in turn. Each chunk is a copy that its receiver may keep or change. */
export async function* chunksOf(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  let turn = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const size = sizes.length === 0 ? bytes.length : sizes[turn++ % sizes.length]!;
    yield bytes.slice(offset, offset + size);
    offset += size;
  }
}

/** All bytes of a stream; every chunk must be a plain one and not be empty. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    if (chunk.constructor !== Uint8Array || chunk.length === 0) throw new Error('not a plain chunk of bytes');
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

/** Bytes that compress about as well as programs do, always the same for a size and seed. */
export function sampleBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
  for (let offset = 0; offset < size; ) {
    const length = Math.min(1 + random(40), size - offset);
    if (offset > 100 && random(3) > 0) {
      const start = random(Math.max(offset - length, 1));
      bytes.copyWithin(offset, start, start + length);
    } else {
      for (let index = 0; index < length; index++) bytes[offset + index] = random(64);
    }
    offset += length;
  }
  return bytes;
}

/** A stream that gives some bytes and then hangs. */
export function hangingAfter(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      let given = bytes.length === 0;
      return {
        next() {
          if (given) return new Promise(() => undefined);
          given = true;
          return Promise.resolve({ done: false, value: bytes.slice() });
        },
      };
    },
  };
}

/** `bytes` in chunks, and whether the reader let go of the stream before its end. */
export function watched(
  bytes: Uint8Array,
  chunkSize: number,
): { readonly source: AsyncIterable<Uint8Array>; readonly state: { taken: number; ended: boolean } } {
  const state = { taken: 0, ended: false };
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunksOf(bytes, chunkSize)) {
        state.taken += chunk.length;
        yield chunk;
      }
    } finally {
      state.ended = true;
    }
  }
  return { source: source(), state };
}
