import { expect, test } from 'vitest';
import { writeXzStream, xzBlockOf } from '../../../src/compression/xz/xz-container.ts';
import { archiveContent, archives } from '../archives.ts';
import { collect } from '../streams.ts';

test('without blocks it is what xz makes of nothing', async () => {
  const archive = await collect(writeXzStream((async function* () {})()));
  expect(Buffer.from(archive).toString('hex')).toBe('fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a');
});

test('the block of a stream and back is what xz wrote', async () => {
  const [, , stream] = archives.find(([name, title]) => name === 'xz' && title === 'one stream')!;
  const block = xzBlockOf(stream);
  expect(block.uncompressedSize).toBe(archiveContent.length);
  async function* blocks() {
    yield block;
  }
  expect(await collect(writeXzStream(blocks()))).toEqual(stream);
});

test.each(['blocks', 'CRC-32', 'no check'])('a stream with %s is none to take a block from', (title) => {
  const [, , stream] = archives.find(([name, kind]) => name === 'xz' && kind === title)!;
  expect(() => xzBlockOf(stream)).toThrow('of another form');
});
