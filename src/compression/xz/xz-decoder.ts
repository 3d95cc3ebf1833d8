/**
 * xz decoding by `xz-decompress`.
 *
 * @module
 */
import { CompressionError } from '../compression-error.ts';

/**
 * The content of an xz archive of one or more streams and blocks.
 *
 * @throws CompressionError `compression-corrupt` for what is no xz archive, damaged, cut short, or followed by something
 *   else; `compression-unsupported` for the features that `xz-decompress` lacks; the source's errors as they are.
 */
export async function* decodeXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const XzReadableStream = await loadDecoder();
  const chunks = source[Symbol.asyncIterator]();
  let sourceFailure: { readonly error: unknown } | undefined;
  let size = 0;
  const archive = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let next = await chunks.next();
          // The decoder takes an empty chunk for the end.
          while (next.done !== true && next.value.length === 0) next = await chunks.next();
          if (next.done !== true) {
            size += next.value.length;
            return controller.enqueue(next.value);
          }
        } catch (error) {
          sourceFailure = { error };
          throw error;
        }
        if (size > 0) return controller.close();
        controller.error(new CompressionError('compression-corrupt', 'xz', 'the xz archive is empty'));
      },
    },
    { highWaterMark: 0 },
  );
  const content = new XzReadableStream(archive).getReader();
  try {
    for (;;) {
      const next = await content.read();
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    if (sourceFailure !== undefined || error instanceof CompressionError) throw error;
    throw decoderError(error, size);
  } finally {
    await content.cancel().catch(() => undefined); // it rejects after an error, which was thrown already
    await chunks.return?.();
  }
}

type XzReadableStreamConstructor = new (archive: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>;

let decoder: Promise<XzReadableStreamConstructor> | undefined;

function loadDecoder(): Promise<XzReadableStreamConstructor> {
  decoder ??= import('xz-decompress').then((module) => {
    // A CommonJS module: Node gives its exports as `default`, bundlers by name.
    const { XzReadableStream } = 'XzReadableStream' in module ? module : (module as { default: typeof module }).default;
    // Since 0.2.3 the package lets one archive at a time be read in the whole process, to bound memory; then a download that
    // stalls would stop all others. Each archive needs its dictionary, at most 64 MiB, and who reads bounds how many.
    Object.assign(XzReadableStream, { _contextMutex: { acquire: async () => undefined, release: () => undefined } });
    return XzReadableStream;
  });
  return decoder;
}

/** What xz-embedded's return codes mean. */
function decoderError(cause: unknown, offset: number): CompressionError {
  const message = cause instanceof Error ? cause.message : '';
  const code = Number(/error code (\d+)$/.exec(message)?.[1]);
  const corrupt = (what: string) =>
    new CompressionError('compression-corrupt', 'xz', `the xz archive ${what}, at byte ${offset} or before`, { cause });
  const unsupported = (what: string) =>
    new CompressionError('compression-unsupported', 'xz', `the xz archive ${what}`, { cause });
  switch (code) {
    case 2:
    case 6:
      return unsupported('uses a BCJ or delta filter or a SHA-256 check, which xz-decompress does not read');
    case 3:
      return unsupported('needs more memory than there is: too many are read at once');
    case 4:
      return unsupported('has a dictionary of more than 64 MiB, which xz-decompress does not read');
    case 5:
      return corrupt('does not begin as one');
    case 8:
      return corrupt('is cut short, or bytes that do not belong to it follow its end');
    default:
      return corrupt('is damaged');
  }
}
