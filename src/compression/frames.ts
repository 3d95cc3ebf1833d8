/**
 * Compression in independent frames, side by side, in order.
 *
 * @module
 */
import { GatheredBytes } from '../bytes/gathered.ts';

/** Frames that may be under way at once beyond the first of each stream; all streams of a codec share it. */
export interface FrameBudget {
  /** Take a place, if one is free. */
  tryTake(): boolean;
  /** Give a place back. */
  give(): void;
}

/** A budget of `places`. */
export function createFrameBudget(places: number): FrameBudget {
  let free = places;
  return {
    tryTake: () => free > 0 && free-- > 0,
    give: () => void free++,
  };
}

/**
 * `source` again in pieces of exactly `frameSize` bytes, the last one shorter.
 *
 * @param copies is each to be in memory of its own, also where it is a chunk as it came?
 */
export async function* cutFrames(
  source: AsyncIterable<Uint8Array>,
  frameSize: number,
  copies = true,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const frame = new GatheredBytes();
  for await (const chunk of source) {
    if (!copies && frame.size === 0 && chunk.length === frameSize && isInArrayBuffer(chunk)) {
      yield chunk;
      continue;
    }
    let offset = 0;
    while (chunk.length - offset >= frameSize - frame.size) {
      const end = offset + frameSize - frame.size;
      frame.push(chunk.subarray(offset, end));
      offset = end;
      yield frame.take();
    }
    if (offset < chunk.length) frame.push(chunk.subarray(offset));
  }
  if (frame.size > 0) yield frame.take();
}

function isInArrayBuffer(chunk: Uint8Array): chunk is Uint8Array<ArrayBuffer> {
  return chunk.buffer instanceof ArrayBuffer;
}

/** Made once: each that `abort` makes takes a trace of the stack. */
const nobodyReads = new Error('nobody reads the archive any more');

/**
 * What `encode` makes of each frame, in the frames' order.
 *
 * One frame of a stream may always be under way; more are as far as `budget` has places. So streams side by side share a
 * bounded number of frames, and none can keep another from going on. The signal that `encode` gets is aborted when nobody
 * waits for the rest any more.
 */
export async function* encodeAhead<Encoded>(
  frames: AsyncIterable<Uint8Array<ArrayBuffer>>,
  encode: (frame: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<Encoded>,
  budget: FrameBudget,
): AsyncGenerator<Encoded> {
  const ahead: Promise<Encoded>[] = [];
  const left = new AbortController();
  const takeFirst = async (): Promise<Encoded> => {
    const encoded = await ahead[0]!;
    void ahead.shift();
    if (ahead.length > 0) budget.give();
    return encoded;
  };
  try {
    for await (const frame of frames) {
      while (ahead.length > 0 && !budget.tryTake()) yield await takeFirst();
      const encoding = encode(frame, left.signal);
      encoding.catch(() => undefined); // the one that fails is thrown when its turn comes
      ahead.push(encoding);
    }
    while (ahead.length > 0) yield await takeFirst();
  } finally {
    left.abort(nobodyReads);
    void Promise.allSettled(ahead).then(() => ahead.slice(1).forEach(budget.give));
  }
}
