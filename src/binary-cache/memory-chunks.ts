/**
 * Bytes kept in memory as they came, readable again and in parts.
 *
 * @module
 */
import type { ByteRange, Content } from '../backend/backend.ts';

/** Content over chunks that stay where they are. */
export function contentOfChunks(chunks: readonly Uint8Array[]): Content {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return {
    size,
    async *open(range: ByteRange = { offset: 0 }): AsyncGenerator<Uint8Array> {
      let skip = range.offset;
      let left = Math.min(range.length ?? size, size - range.offset);
      for (const chunk of chunks) {
        if (left <= 0) return;
        const part = chunk.subarray(skip, skip + left);
        skip = Math.max(0, skip - chunk.length);
        left -= part.length;
        if (part.length > 0) yield part;
      }
    },
  };
}
