/**
 * The small files of a cache, read whole under a ceiling.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, BackendError } from '../backend/backend.ts';
import { concatBytes } from '../bytes/index.ts';
import { findCodec } from '../compression/index.ts';

/**
 * All bytes of a file, its `Content-Encoding` undone, or `undefined` when there is none.
 *
 * @throws {@link BackendError} `object-too-large` when it has more than `maximumBytes`.
 */
export async function readFile(
  backend: Backend,
  key: string,
  options: AbortOptions & { readonly maximumBytes: number },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { signal } = options;
  const object = await backend.get(key, { signal });
  if (object === undefined) return undefined;
  const { body, contentEncoding } = object;
  const decoded = contentEncoding === undefined ? body : findCodec(contentEncoding).decompress(body, { signal });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of decoded) {
    size += chunk.length;
    if (size > options.maximumBytes)
      throw new BackendError(
        'object-too-large',
        `'${key}' of '${backend.uri}' has more than the ${options.maximumBytes} bytes that such a file may have`,
        { uri: backend.uri, key },
      );
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
