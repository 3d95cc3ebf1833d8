/** Our decoder, against liblzma's encoder and the decoder that is used where WebAssembly is. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../../src/bytes/bytes.ts';
import { codecs } from '../../../src/compression/codecs-node.ts';
import type { CompressionError } from '../../../src/compression/compression-error.ts';
import { xz as ours } from '../../../src/compression/xz/xz-workerd.ts';
import { archives } from '../archives.ts';
import { chunksOf, collect, sampleBytes } from '../streams.ts';

const noise = (size: number) =>
  sampleBytes(size).map((byte, index) => (byte * 31 + index * 17 + (index >> 3) ** 2) & 0xff);

test.each([
  ['like programs', sampleBytes(700_000)],
  ['noise, which stays as it is', noise(3_000_000)],
  ['one byte', new Uint8Array(9_000_000).fill(7)],
  ['more than a dictionary', concatBytes([sampleBytes(2_000_000), noise(1_000_000), sampleBytes(2_000_000, 3)])],
])('what is %s comes back, of several levels', async (_title, content) => {
  for (const level of [0, 1, 6]) {
    const archive = await collect(codecs.xz.compress(chunksOf(content), { level }));
    expect(equalBytes(await collect(ours.decompress(chunksOf(archive, 50_000))), content), `level ${level}`).toBe(true);
  }
});

test('what is damaged anywhere gives an error where xz-decompress gives one, else the same', async () => {
  // Without a check, so that what is damaged is found by decoding it.
  const [, , archive] = archives.find(([name, title]) => name === 'xz' && title === 'no check')!;
  const read = (codec: typeof ours, damaged: Uint8Array): Promise<Uint8Array | CompressionError> =>
    collect(codec.decompress(chunksOf(damaged), { maximumSize: 100_000 })).catch((error: CompressionError) => error);
  const damage = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 2 });
  const property = fc.asyncProperty(damage, async (changes) => {
    const damaged = archive.slice();
    for (const [offset, byte] of changes) damaged[offset] = byte;
    const [mine, theirs] = [await read(ours, damaged), await read(codecs.xz, damaged)];
    if (mine instanceof Uint8Array) expect(mine).toEqual(theirs);
    // Other than liblzma, xz-decompress does not look at the first byte of a chunk.
    else if (!mine.message.includes('a chunk does not begin')) expect(theirs).toMatchObject({ code: mine.code });
  });
  await fc.assert(property, { numRuns: 500 });
});
