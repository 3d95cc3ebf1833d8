/**
 * Content as the body of a request.
 *
 * @module
 */
import type { StallWatch } from './stall-watch.ts';

/** Larger chunks go out in parts of this size, so that a slow line is seen to move. */
const partSize = 64 * 1024;

/** The chunks, with the watch told when the network is what is waited for. */
export async function* watchUpload(chunks: AsyncIterable<Uint8Array>, watch: StallWatch): AsyncGenerator<Uint8Array> {
  watch.pause();
  for await (const chunk of chunks)
    for (let offset = 0; offset < chunk.length; offset += partSize) {
      const part = chunk.subarray(offset, offset + partSize);
      watch.progress(part.length);
      watch.wait();
      yield part;
      watch.pause();
    }
  watch.wait();
}
