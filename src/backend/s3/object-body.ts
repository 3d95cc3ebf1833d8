/**
 * The body of an object on its way here, which goes on where the connection broke.
 *
 * @module
 */
import type { Readable } from 'node:stream';
import { BackendError } from '../backend.ts';
import { onAbort } from '../until-aborted.ts';

/** How long a body whose reading has not begun may hold its connection. */
const unreadMs = 1000;

/** After so many bytes, what broke before is forgotten: a server that breaks off after each byte is not to be asked for ever. */
const progressThatCounts = 64 * 1024;

/** What was asked for, and how to ask for the rest of it. */
export interface BodySource {
  /** Bytes of the body in all, where the server said. */
  readonly size: number | undefined;
  /** The rest of the same object, from this byte of the body on. */
  reopen(position: number): Promise<Readable>;
  /** The error to throw for what broke the stream, or made it end too early. */
  explain(error: unknown): Error;
  /** How often it may break without much progress between. */
  readonly attempts: number;
  readonly signal: AbortSignal | undefined;
}

/** Read a body to its end. An error is a {@link BackendError}, or the signal's reason. */
export function readBody(first: Readable, source: BodySource): AsyncIterable<Uint8Array> {
  const { size, attempts, signal } = source;
  // Who never reads owes nothing: the connection is taken back, and asked for again by who reads late.
  const timer = setTimeout(() => first.destroy(), unreadMs);
  timer.unref();
  first.on('error', () => undefined);

  async function* read(): AsyncGenerator<Uint8Array> {
    clearTimeout(timer);
    let stream = first;
    let position = 0;
    let breaks = 0;
    let brokeAt = 0;
    const release = onAbort(signal, () => stream.destroy());
    try {
      for (;;) {
        let failure: unknown;
        try {
          signal?.throwIfAborted();
          for await (const chunk of stream as AsyncIterable<Buffer>) {
            position += chunk.length;
            yield chunk;
          }
        } catch (error) {
          failure = error;
        }
        signal?.throwIfAborted();
        if (failure === undefined && (size === undefined || position === size)) return;
        if (position - brokeAt >= progressThatCounts) breaks = 0;
        brokeAt = position;
        if (++breaks >= attempts || (size !== undefined && position > size))
          throw source.explain(failure ?? new Error(`${position} bytes came, and ${size} were promised`));
        stream = await source.reopen(position);
      }
    } finally {
      release();
      stream.destroy();
    }
  }

  return read();
}
