/**
 * Streams on their way to the daemon: in frames, or piece by piece as it asks for them.
 *
 * Source: Nix `src/libutil/include/nix/util/serialise.hh` (`FramedSink`, `FramedSource`) and `src/libstore/daemon.cc` (`TunnelSource`).
 *
 * @module
 */
import { writeUint64 } from '../../bytes/index.ts';
import { paddingAfter } from '../../nar/grammar.ts';
import type { DaemonConnection, ReplyOptions } from './connection.ts';
import { WireError } from './wire-error.ts';

/** A frame's payload has at most so many bytes: the daemon holds it in memory. */
const maximumFrameBytes = 1024 * 1024;
/** Less than this is not worth a system call, and the daemon's waking up. */
const batchBytes = 64 * 1024;

const noBytes = new Uint8Array(0);

/**
 * Send a request with a stream in frames, and read up to where the answer begins. When the stream breaks, the daemon is told that there is
 * no more before all is there, and refuses what it was asked for.
 *
 * @throws what the stream threw; {@link DaemonRefusedError}
 */
export async function sendFramed(
  connection: DaemonConnection,
  request: Uint8Array,
  stream: AsyncIterable<Uint8Array>,
  options: ReplyOptions = {},
): Promise<void> {
  let replied = false;
  // Read at the same time: a daemon that waits for its messages to be taken takes nothing itself.
  const reply = connection.replyOutcome(options).finally(() => {
    replied = true;
  });
  let batch = [request];
  let batchedBytes = request.length;

  async function flush(): Promise<void> {
    const chunks = batch;
    batch = [];
    batchedBytes = 0;
    // Where the socket is broken, the reply says so.
    await connection.write(chunks).catch(() => {});
  }

  let complete = false;
  connection.talking = true;
  try {
    for await (const chunk of stream) {
      if (replied) break;
      for (let start = 0; start < chunk.length; start += maximumFrameBytes) {
        const payload = chunk.subarray(start, start + maximumFrameBytes);
        batch.push(encodeLength(payload.length), payload);
      }
      batchedBytes += chunk.length;
      if (batchedBytes >= batchBytes) await flush();
    }
    complete = !replied;
  } finally {
    connection.talking = false;
    batch.push(encodeLength(0));
    await flush();
    await reply;
  }
  const failure = await reply;
  if (failure !== undefined) throw failure.error;
  if (!complete) throw new WireError('an answer before all was sent', connection.reader.offset);
}

/**
 * Send a request, and a stream piece by piece as the daemon asks for it, and read up to where the answer begins. A stream that breaks
 * ends early.
 *
 * @throws what the stream threw; {@link DaemonRefusedError}
 */
export async function sendWhenAsked(
  connection: DaemonConnection,
  request: Uint8Array,
  stream: AsyncIterable<Uint8Array>,
  options: ReplyOptions = {},
): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = noBytes;
  let broken: { readonly error: unknown } | undefined;

  async function onRead(length: number): Promise<void> {
    try {
      while (rest.length === 0) {
        const next = await iterator.next();
        if (next.done) break;
        rest = next.value;
      }
    } catch (error) {
      broken = { error };
    }
    const piece = rest.subarray(0, length);
    rest = rest.subarray(piece.length);
    await connection.write([encodeLength(piece.length), piece, new Uint8Array(paddingAfter(piece.length))]);
  }

  await connection.write([request]);
  const failure = await connection.replyOutcome({ ...options, onRead });
  await iterator.return?.();
  if (broken !== undefined) throw broken.error;
  if (failure !== undefined) throw failure.error;
}

function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint64(bytes, 0, length);
  return bytes;
}
