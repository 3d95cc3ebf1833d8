/**
 * Web streams that decode, as async generators.
 *
 * @module
 */

/**
 * What `decode` makes of `source`.
 *
 * @throws what `errorOf` makes of the decoder's error; the source's errors as they are.
 */
export async function* throughWebStream(
  source: AsyncIterable<Uint8Array>,
  decode: (archive: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>,
  errorOf: (decoderError: unknown, offset: number) => Error,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let sourceFailure: { readonly error: unknown } | undefined;
  let offset = 0;
  const archive = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let next = await chunks.next();
          while (next.done !== true && next.value.length === 0) next = await chunks.next(); // some take it for the end
          if (next.done === true) return controller.close();
          offset += next.value.length;
          controller.enqueue(next.value);
        } catch (error) {
          sourceFailure = { error };
          throw error;
        }
      },
    },
    { highWaterMark: 0 },
  );
  const content = decode(archive).getReader();
  try {
    for (;;) {
      const next = await content.read();
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    throw sourceFailure === undefined ? errorOf(error, offset) : sourceFailure.error;
  } finally {
    await content.cancel().catch(() => undefined); // it rejects with the error that was thrown above
    await chunks.return?.();
  }
}
