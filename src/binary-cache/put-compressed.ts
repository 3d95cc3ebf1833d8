/**
 * Small files that may be compressed for transport.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import { concatBytes } from '../bytes/bytes.ts';
import type { CompressionName } from '../compression/codec.ts';

/**
 * Put a small file, compressed for transport where asked for. The `Content-Encoding` is Nix's name of the method, and stays
 * with the object: a server that does not keep it gives clients a file that they cannot read.
 */
export async function putCompressed(
  backend: Backend,
  key: string,
  bytes: Uint8Array,
  contentType: string,
  compression: CompressionName | undefined,
  options: AbortOptions,
): Promise<void> {
  if (compression === undefined) return backend.put(key, bytes, { ...options, contentType });
  const { findCodec } = await import('../compression/find-codec.ts');
  const chunks: Uint8Array[] = [];
  for await (const chunk of findCodec(compression).compress(once(bytes), options)) chunks.push(chunk);
  await backend.put(key, concatBytes(chunks), { ...options, contentType, contentEncoding: compression });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
