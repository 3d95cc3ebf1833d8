import { expect, test } from 'vitest';
import { codecs as nodeCodecs } from '../../src/compression/codecs-node.ts';
import { codecs as portableCodecs } from '../../src/compression/codecs-portable.ts';
import { chunksOf, sampleBytes } from './streams.ts';

test.each([
  ['xz', 3_000_000],
  ['zstd', 20_000_000],
] as const)('timers run while %s is decoded out of memory', async (name, size) => {
  const archive: Uint8Array[] = [];
  const content = chunksOf(sampleBytes(size));
  for await (const chunk of nodeCodecs[name].compress(content, { level: 1 })) archive.push(chunk);
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* archive;
  }
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for await (const _ of portableCodecs[name].decompress(source()));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});
