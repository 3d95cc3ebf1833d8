/**
 * The outermost layer of every codec: it ends on a signal, and at the size that was allowed.
 *
 * @module
 */
import type { DecompressOptions } from './codec.ts';
import { CompressionError } from './compression-error.ts';

/**
 * The chunks of `stream`, none of them empty.
 *
 * An abort ends a pending read at once, also where the stream hangs; leaving early lets go of the stream.
 *
 * @throws CompressionError `compression-limit` as soon as there are more bytes than `maximumSize`.
 */
export async function* guarded(
  compression: string,
  stream: AsyncIterable<Uint8Array>,
  { signal, maximumSize = Number.POSITIVE_INFINITY }: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const chunks = stream[Symbol.asyncIterator]();
  let abandon: ((reason: unknown) => void) | undefined;
  const abort = (): void => abandon?.(signal?.reason);
  signal?.addEventListener('abort', abort);
  let size = 0;
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        abandon = reject;
        chunks.next().then(resolve, reject);
      });
      abandon = undefined;
      signal?.throwIfAborted();
      if (next.done === true) return;
      size += next.value.length;
      if (size > maximumSize)
        throw new CompressionError(
          'compression-limit',
          compression,
          `the ${compression} archive unpacks to more than the ${maximumSize} bytes that were allowed`,
        );
      if (next.value.length > 0) yield next.value;
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    // A stream that hangs in next() would hang in return() too: it is told, and not waited for.
    const left = chunks.return?.();
    if (abandon === undefined) await left;
    else left?.then(undefined, () => undefined);
  }
}
