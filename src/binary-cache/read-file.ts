/**
 * The small files of a cache, read whole under a ceiling.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, BackendError } from '../backend/backend.ts';
import { GatheredBytes } from '../bytes/gathered.ts';
import { CompressionError } from '../compression/compression-error.ts';

/**
 * All bytes of a file, its `Content-Encoding` undone, or `undefined` when there is none.
 *
 * @throws {@link BackendError} `object-too-large` when it has more than `maximumBytes`; CompressionError when its encoding is
 * unknown or wrong.
 */
export async function readFile(
  backend: Backend,
  key: string,
  options: AbortOptions & { readonly maximumBytes: number },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { signal, maximumBytes } = options;
  const object = await backend.get(key, { signal });
  if (object === undefined) return undefined;
  const { body, contentEncoding } = object;
  const tooLarge = (): BackendError =>
    new BackendError(
      'object-too-large',
      `'${key}' of '${backend.uri}' has more than the ${maximumBytes} bytes that such a file may have`,
      { uri: backend.uri, key },
    );
  // An archive may go on for ever, and hold nothing.
  const archive = limited(body, 2 * maximumBytes + 65_536, tooLarge);
  const bytes = new GatheredBytes();
  try {
    const decoded = contentEncoding === undefined ? body : await decompressed(contentEncoding, archive, { signal });
    for await (const chunk of limited(decoded, maximumBytes, tooLarge)) bytes.push(chunk);
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    const message = `cannot unpack '${key}' of '${backend.uri}': ${error.message}`;
    throw new CompressionError(error.code, error.compression, message, { cause: error });
  }
  return bytes.take();
}

/** The codecs are loaded for the few caches that need them here. */
async function decompressed(
  contentEncoding: string,
  archive: AsyncIterable<Uint8Array>,
  options: AbortOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { findCodec } = await import('../compression/find-codec.ts');
  return findCodec(contentEncoding).decompress(archive, options);
}

/** The chunks, as long as they have no more bytes in all than `maximumBytes`. */
async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  maximumBytes: number,
  tooLarge: () => Error,
): AsyncGenerator<Uint8Array> {
  let left = maximumBytes;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw tooLarge();
    yield chunk;
  }
}
