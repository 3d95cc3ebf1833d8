/**
 * Hash and size of a stream that passes through.
 *
 * @module
 */
import { createHasher, type Hash } from '../hash/index.ts';

/** A stream, and what it was once it has ended. */
export interface MeasuredStream {
  readonly stream: AsyncIterable<Uint8Array>;
  /** sha256 and bytes of all that passed; call it after the stream has ended. */
  result(): { readonly hash: Hash; readonly size: number };
}

/** Let a stream pass, and take its sha256 and size on the way. */
export function measure(source: AsyncIterable<Uint8Array>): MeasuredStream {
  const hasher = createHasher('sha256');
  let size = 0;
  let hash: Hash | undefined;
  return {
    stream: (async function* () {
      for await (const chunk of source) {
        hasher.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    })(),
    result: () => {
      hash ??= hasher.digest();
      return { hash, size };
    },
  };
}
