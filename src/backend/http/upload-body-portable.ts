/**
 * The body of an upload as a stream.
 *
 * @module
 */

/** What `fetch` is to be given. */
export async function uploadBody(chunks: AsyncIterable<Uint8Array>): Promise<Pick<RequestInit, 'body' | 'duplex'>> {
  return { body: streamOf(chunks), duplex: 'half' };
}

/** A stream that reads ahead of nobody. */
function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
