/** Our decoder, against libzstd's encoder and, where Node has it, its decoder. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../../src/bytes/bytes.ts';
import type { Codec } from '../../../src/compression/codec.ts';
import { CompressionError } from '../../../src/compression/compression-error.ts';
import { createZstd } from '../../../src/compression/zstd/zstd.ts';
import { createWasmZstdEngine } from '../../../src/compression/zstd/zstd-wasm.ts';
import { createZlibZstdEngine, zlibHasZstd } from '../../../src/compression/zstd/zstd-zlib.ts';
import { chunksOf, collect, sampleBytes } from '../streams.ts';

const ours = createZstd(createWasmZstdEngine());

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** A frame without its checksum, so that what is damaged is found by decoding it. */
async function bareFrame(content: Uint8Array, level: number): Promise<Uint8Array> {
  const frame = await collect(ours.compress(chunksOf(content), { level }));
  frame[4]! &= ~4;
  return frame.subarray(0, -4);
}

const decode = (codec: Codec, archive: Uint8Array): Promise<Uint8Array | CompressionError> =>
  collect(codec.decompress(chunksOf(archive), { maximumSize: 2_000_000 })).catch((error: unknown) => {
    if (error instanceof CompressionError) return error;
    throw error;
  });

/** Contents of several kinds: what an encoder makes of each has other tables, offsets and lengths. */
const contents: readonly (readonly [string, Uint8Array])[] = [
  ['like programs', sampleBytes(700_000)],
  ['text', new TextEncoder().encode(Array.from({ length: 9000 }, (_, index) => `line ${index * 7919}\n`).join(''))],
  ['one byte', new Uint8Array(500_000).fill(7)],
  ['two bytes', Uint8Array.from({ length: 300_000 }, (_, index) => ((index * index) % 7) & 1)],
  ['noise', sampleBytes(400_000).map((byte, index) => (byte * 31 + index * 17 + (index >> 3) ** 2) & 0xff)],
  ['long repeats', concatBytes(Array.from({ length: 4 }, () => sampleBytes(200_000, 3)))],
];

test.each(contents)('what is %s comes back, of every level', async (_title, content) => {
  for (const level of [1, 2, 3, 5, 8, 12, 16, 19, 22]) {
    const frame = await collect(ours.compress(chunksOf(content), { level }));
    expect(equalBytes(await collect(ours.decompress(chunksOf(frame))), content), `level ${level}`).toBe(true);
  }
});

/** As the network gives them: views of a larger buffer, whose `slice` copies nothing. */
test('a Buffer is as good as its bytes', async () => {
  const frame = await collect(ours.compress(chunksOf(sampleBytes(20_000))));
  async function* buffers(): AsyncGenerator<Uint8Array> {
    yield Buffer.concat([Buffer.alloc(100, 1), frame, Buffer.alloc(100, 2)]).subarray(100, 100 + frame.length);
  }
  expect(equalBytes(await collect(ours.decompress(buffers())), sampleBytes(20_000))).toBe(true);
});

test('what is damaged anywhere gives an error, or bytes, and the same as libzstd', async () => {
  const libzstd = zlibHasZstd ? createZstd(createZlibZstdEngine()) : undefined;
  for (const level of [1, 3, 19]) {
    const frame = await bareFrame(sampleBytes(20_000, level), level);
    const damage = fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(damage, async (changes) => {
      const damaged = frame.slice();
      for (const [offset, byte] of changes) damaged[offset] = byte;
      const read = await decode(ours, damaged);
      if (libzstd === undefined) return;
      const theirs = await decode(libzstd, damaged);
      // Libzstd does not see that literals end in the middle of their codes.
      if (read instanceof CompressionError && read.message.includes('literals do not end')) return;
      if (read instanceof CompressionError) expect(theirs).toMatchObject({ code: read.code });
      else expect(theirs instanceof Uint8Array && equalBytes(theirs, read)).toBe(true);
    });
    await fc.assert(property, { numRuns: 150 });
  }
});

test('a wrong content size or checksum is refused', async () => {
  const frame = await collect(ours.compress(chunksOf(sampleBytes(1000))));
  const otherSize = frame.slice();
  otherSize[5]! ^= 1;
  expect(await decode(ours, otherSize)).toMatchObject({ message: expect.stringContaining('bytes of content') });
  const otherChecksum = frame.slice();
  otherChecksum[frame.length - 1]! ^= 1;
  expect(await decode(ours, otherChecksum)).toMatchObject({ message: expect.stringContaining('checksum') });
});

test('work and memory follow the content, not what headers say', async () => {
  // 20,000 frames with windows of 128 MiB, each with one byte of content; then 200,000 blocks of one byte in such a frame.
  const frame = hex('28b52ffd 00 88 090000 61');
  const frames = concatBytes(new Array<Uint8Array>(20_000).fill(frame));
  expect(await collect(ours.decompress(chunksOf(frames, 65_536)))).toHaveLength(20_000);
  const blocks = concatBytes(new Array<Uint8Array>(200_000).fill(hex('0a0000 61')));
  const long = concatBytes([hex('28b52ffd 00 88'), blocks, hex('010000')]);
  expect(await collect(ours.decompress(chunksOf(long, 65_536)))).toHaveLength(200_000);
  const grown = process.memoryUsage.rss();
  expect(grown).toBeLessThan(2 ** 30);
});
