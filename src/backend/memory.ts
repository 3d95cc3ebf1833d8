/**
 * A backend in memory: for tests, and for caches that are made to be handed on.
 *
 * @module
 */
import { concatBytes } from '../bytes/bytes.ts';
import { type Backend, checkKey, type PutOptions } from './backend.ts';
import { contentOfBytes, readContent } from './content.ts';
import { checkRange, cutRange } from './range.ts';

const chunkSize = 256 * 1024;

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly contentEncoding: string | undefined;
}

/**
 * A backend whose objects are gone with the process.
 *
 * @example
 * ```ts
 * const backend = createMemoryBackend();
 * await backend.put('nix-cache-info', new TextEncoder().encode('StoreDir: /nix/store\n'));
 * ```
 */
export function createMemoryBackend(): Backend & Required<Pick<Backend, 'list' | 'stage'>> {
  const uri = 'memory:';
  const objects = new Map<string, StoredObject>();
  const store = (key: string, chunks: readonly Uint8Array[], options: PutOptions): void => {
    options.signal?.throwIfAborted();
    objects.set(key, { bytes: concatBytes(chunks), contentEncoding: options.contentEncoding });
  };

  return {
    uri,
    async get(key, { signal, range } = {}) {
      checkKey(key);
      if (range !== undefined) checkRange(range);
      signal?.throwIfAborted();
      const stored = objects.get(key);
      if (stored === undefined) return undefined;
      const { start, end } = cutRange(range, stored.bytes.length);
      return {
        key,
        size: stored.bytes.length,
        contentEncoding: stored.contentEncoding,
        body: readCopies(stored.bytes.subarray(start, end), signal),
      };
    },
    async head(key, { signal } = {}) {
      checkKey(key);
      signal?.throwIfAborted();
      const stored = objects.get(key);
      return stored && { size: stored.bytes.length };
    },
    async put(key, content, options = {}) {
      checkKey(key);
      options.signal?.throwIfAborted();
      const source = content instanceof Uint8Array ? contentOfBytes(content) : content;
      const chunks: Uint8Array[] = [];
      for await (const chunk of readContent(source, { uri, key, signal: options.signal }).chunks) chunks.push(chunk);
      store(key, chunks, options);
    },
    async delete(key, { signal } = {}) {
      checkKey(key);
      signal?.throwIfAborted();
      objects.delete(key);
    },
    async *list(prefix, { signal } = {}) {
      for (const [key, { bytes }] of [...objects]) {
        signal?.throwIfAborted();
        if (key.startsWith(prefix)) yield { key, size: bytes.length };
      }
      signal?.throwIfAborted();
    },
    async stage({ signal } = {}) {
      signal?.throwIfAborted();
      let chunks: Uint8Array[] | undefined = [];
      return {
        async write(chunk) {
          signal?.throwIfAborted();
          if (chunks === undefined) throw new TypeError('this staged object was committed or aborted before');
          chunks.push(chunk);
        },
        async commit(key, options = {}) {
          checkKey(key);
          if (chunks === undefined) throw new TypeError('this staged object was committed or aborted before');
          store(key, chunks, options);
          chunks = undefined;
        },
        async abort() {
          chunks = undefined;
        },
      };
    },
  };
}

/** Copies, for a chunk belongs to its reader. */
async function* readCopies(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += chunkSize) {
    signal?.throwIfAborted();
    yield bytes.slice(offset, offset + chunkSize);
  }
  signal?.throwIfAborted();
}
