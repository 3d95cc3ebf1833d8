/**
 * Small objects, read whole under a ceiling.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { concatBytes } from '../bytes/bytes.ts';
import { type Backend, BackendError } from './backend.ts';

/**
 * All bytes of an object, or `undefined` when there is none.
 *
 * @throws {@link BackendError} `object-too-large` when it has more than `maximumBytes`.
 */
export async function readObject(
  backend: Backend,
  key: string,
  options: AbortOptions & { readonly maximumBytes: number },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const object = await backend.get(key, { signal: options.signal });
  if (object === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of object.body) {
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
