/**
 * Content as the body of a request.
 *
 * @module
 */
import type { StallWatch } from './stall-watch.ts';

/** Larger chunks go out in parts of this size, so that a slow line is seen to move. */
const partSize = 64 * 1024;

/** The chunks as a stream that reads ahead of nobody, and tells the watch when the network is what is waited for. */
export function uploadStream(chunks: AsyncIterator<Uint8Array>, watch: StallWatch): ReadableStream<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  return new ReadableStream(
    {
      async pull(controller) {
        watch.pause();
        if (rest.length === 0) {
          const next = await chunks.next();
          if (next.done === true) {
            controller.close();
            watch.wait();
            return;
          }
          rest = next.value;
        }
        const part = rest.subarray(0, partSize);
        rest = rest.subarray(partSize);
        controller.enqueue(part);
        watch.progress(part.length);
        watch.wait();
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
