/**
 * Node's zlib streams as async generators.
 *
 * @module
 */
import type { Transform } from 'node:stream';
import type { Zlib } from 'node:zlib';
import { CompressionError } from './compression-error.ts';

/** A stream that `node:zlib` makes. */
export type ZlibStream = Transform & Zlib;

/** Size of the buffers that zlib fills, in bytes. */
export const zlibChunkSize = 131_072;

/** How many output chunks wait at most for the consumer, while zlib's thread goes on. */
const outputChunksAhead = 4;

/**
 * What a zlib stream makes of `source`. Zlib works in Node's thread pool while source and consumer are busy, a few chunks ahead of
 * the consumer.
 *
 * @throws CompressionError `compression-corrupt` when zlib cannot read its input, or ends before it; the source's errors as
 *   they are.
 */
export async function* throughZlib(
  compression: string,
  createZlib: () => ZlibStream,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const zlib = createZlib();
  const output: Uint8Array[] = [];
  const state: { ended: boolean; failure?: { readonly error: unknown } } = { ended: false };
  let notify = (): void => undefined;
  const event = (): Promise<void> => new Promise((resolve) => (notify = resolve));

  zlib.on('data', (chunk: Uint8Array) => {
    output.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    if (output.length >= outputChunksAhead) zlib.pause();
    notify();
  });
  zlib.on('drain', () => notify());
  zlib.on('end', () => {
    state.ended = true;
    notify();
  });
  zlib.on('error', (error: unknown) => {
    state.failure = { error };
    notify();
  });

  /** What is ready, until zlib takes more input (or, after the last input, until its end). */
  async function* drain(until: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = output.shift();
      if (chunk !== undefined) {
        yield chunk;
        continue;
      }
      if (state.failure !== undefined) throw corrupt(compression, state.failure.error);
      if (until()) return;
      if (zlib.isPaused()) zlib.resume();
      await event();
    }
  }

  try {
    let fed = 0;
    for await (const chunk of source) {
      if (chunk.length === 0) continue;
      if (state.ended) throw trailing(compression);
      if (state.failure !== undefined) break;
      fed += chunk.length;
      zlib.write(chunk);
      yield* drain(() => state.ended || !zlib.writableNeedDrain);
    }
    zlib.end();
    yield* drain(() => state.ended);
    if (zlib.bytesWritten < fed) throw trailing(compression);
  } finally {
    zlib.destroy();
  }
}

/** The error for what zlib cannot read. */
export function corrupt(compression: string, cause: unknown): CompressionError {
  const reason = cause instanceof Error ? cause.message : 'unknown error';
  return new CompressionError(
    'compression-corrupt',
    compression,
    `the ${compression} archive is damaged or cut short: ${reason}`,
    { cause },
  );
}

function trailing(compression: string): CompressionError {
  return new CompressionError(
    'compression-corrupt',
    compression,
    `bytes that do not belong to it follow the end of the ${compression} archive`,
  );
}
