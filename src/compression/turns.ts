/**
 * Long work on the calling thread that leaves others their turn.
 *
 * @module
 */

/** How long the event loop may wait, in milliseconds. */
const turnMs = 20;

/** Node's is immediate; a timer may take a millisecond or a few. */
const schedule: (callback: () => void) => unknown =
  (globalThis as { setImmediate?: (callback: () => void) => unknown }).setImmediate ?? setTimeout;

/**
 * The chunks of a stream that decodes on the calling thread. Where its source never waits, timers, signals and other streams
 * would wait for its end; so they have a turn from time to time.
 */
export async function* takingTurns(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let begun = performance.now();
  for await (const chunk of stream) {
    yield chunk;
    if (performance.now() - begun < turnMs) continue;
    await new Promise<void>((resolve) => schedule(resolve));
    begun = performance.now();
  }
}
