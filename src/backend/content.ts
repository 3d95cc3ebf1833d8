/**
 * Content on its way into a backend: held to its size, ended by a signal, its own errors kept apart from the transport's.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { BackendError, type ByteRange, type Content } from './backend.ts';
import { cutRange } from './range.ts';
import { untilAborted } from './until-aborted.ts';

/** Bytes as content. */
export function contentOfBytes(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    async *open(range) {
      const { start, end } = cutRange(range, bytes.length);
      if (end > start) yield bytes.subarray(start, end);
    },
  };
}

/** One reading of content, from its start or of a range. */
export interface ContentReading {
  /**
   * The bytes, as many as promised or an error. The last chunk comes when the source has ended well: a server that has been
   * promised a number of bytes does not get the last of them from a source that fails. Leaving it early lets go of the source.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /**
   * What made the reading fail, when something did: a transport that reads `chunks` may wrap the error beyond recognition,
   * and `put` must throw it as it was.
   */
  failure(): { readonly error: unknown } | undefined;
}

/**
 * Read content for `key` of the backend `uri`.
 *
 * `chunks` throws a {@link BackendError} `content-size` when the source has more or fewer bytes than it said, the signal's
 * reason when it is aborted (also while the source hangs), and what the source throws as it is.
 */
export function readContent(
  content: Content,
  options: AbortOptions & { readonly uri: string; readonly key: string; readonly range?: ByteRange },
): ContentReading {
  const { signal, range } = options;
  const { start, end } = cutRange(range, content.size);
  const expected = end - start;
  let failure: { readonly error: unknown } | undefined;

  async function* read(): AsyncGenerator<Uint8Array> {
    let source: AsyncIterator<Uint8Array> | undefined;
    let received = 0;
    let last: Uint8Array | undefined;
    try {
      signal?.throwIfAborted();
      source = content.open(range)[Symbol.asyncIterator]();
      for (;;) {
        const next = await untilAborted(source.next(), signal);
        if (next.done === true) break;
        received += next.value.length;
        if (received > expected) throw sizeError(options, expected, `gave ${received} already`);
        if (next.value.length === 0) continue;
        if (received < expected) yield next.value;
        else last = next.value;
      }
      source = undefined;
      if (received < expected) throw sizeError(options, expected, `ended after ${received}`);
      if (last !== undefined) yield last;
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      // Not awaited: a source that hangs in next() would hang here too.
      source?.return?.().then(undefined, () => undefined);
    }
  }

  return { chunks: read(), failure: () => failure };
}

function sizeError(place: { uri: string; key: string }, expected: number, seen: string): BackendError {
  return new BackendError(
    'content-size',
    `the content for '${place.key}' of '${place.uri}' should have ${expected} bytes and ${seen}: did it change while it was read?`,
    place,
  );
}
