/** Archives that are small, or hold nothing, and would cost much. */
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/bytes/index.ts';
import type { Codec } from '../../src/compression/codec.ts';
import { codecs } from '../../src/compression/codecs-node.ts';
import { codecs as portableCodecs } from '../../src/compression/codecs-portable.ts';
import { chunksOf } from '../compression/streams.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const repeated = (bytes: Uint8Array, count: number): Uint8Array =>
  concatBytes(new Array<Uint8Array>(count).fill(bytes));

const zstdCodecs: readonly (readonly [string, Codec])[] = [
  ['zstd', codecs.zstd],
  ['portable zstd', portableCodecs.zstd],
];

async function sizeOf(codec: Codec, archive: Uint8Array, chunkSize = 65_536): Promise<number> {
  let size = 0;
  for await (const chunk of codec.decompress(chunksOf(archive, chunkSize), { maximumSize: 1000 })) size += chunk.length;
  return size;
}

describe.each(zstdCodecs)('%s', (_title, codec) => {
  test('skippable frames alone hold nothing', async () => {
    const archive = hex('502a4d18 05000000 68656c6c6f');
    expect(await sizeOf(codec, archive)).toBe(0);
    expect(await sizeOf(codec, concatBytes([archive, archive]), 1)).toBe(0);
  });

  test('two million blocks of nothing take no memory', async () => {
    const archive = concatBytes([hex('28b52ffd 00 00'), repeated(hex('000000'), 2_000_000), hex('010000')]);
    const before = process.memoryUsage.rss();
    expect(await sizeOf(codec, archive)).toBe(0);
    expect(process.memoryUsage.rss() - before).toBeLessThan(250_000_000);
  });
});

test('bzip2: half a million streams of nothing take no memory for each', async () => {
  const archive = repeated(hex('425a6839 177245385090 00000000'), 500_000);
  expect(await sizeOf(codecs.bzip2, archive)).toBe(0);
});

test('bzip2: chunks of one byte', async () => {
  const archive = repeated(hex('425a6839 177245385090 00000000'), 10_000);
  expect(await sizeOf(codecs.bzip2, archive, 1)).toBe(0);
});

test('gzip: members of nothing', async () => {
  const archive = repeated(hex('1f8b0800000000000003 0300 00000000 00000000'), 50_000);
  expect(await sizeOf(codecs.gzip, archive)).toBe(0);
});
