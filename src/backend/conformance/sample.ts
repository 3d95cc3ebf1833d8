/**
 * Bytes to put: every position has a value of its own, so that a shift or a gap is seen.
 *
 * @module
 */
import type { ByteRange, Content } from '../backend.ts';
import { cutRange } from '../range.ts';

/** Bytes `start` to `end` of an endless sample that does not repeat within 16 MiB. */
export function sampleBytes(start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  for (let index = 0; index < bytes.length; index++) {
    const position = start + index;
    bytes[index] = Math.imul(position >>> 2, 0x9e3779b1) >>> (8 * (position & 3));
  }
  return bytes;
}

/** UTF-8 of a text. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The sample as content, in chunks of a size that fits no power of two. */
export function sampleContent(size: number, chunkSize = 50_021): Content & { readonly opened: ByteRange[] } {
  const opened: ByteRange[] = [];
  return {
    size,
    opened,
    async *open(range) {
      opened.push(range ?? { offset: 0 });
      const { start, end } = cutRange(range, size);
      for (let offset = start; offset < end; offset += chunkSize)
        yield sampleBytes(offset, Math.min(offset + chunkSize, end));
    },
  };
}
