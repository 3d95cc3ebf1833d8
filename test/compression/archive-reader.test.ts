import { expect, test } from 'vitest';
import { ArchiveReader } from '../../src/compression/archive-reader.ts';
import { chunksOf, sampleBytes, watched } from './streams.ts';

test.each([1, 2, 5, 100])('reads what is asked for out of chunks of %i', async (chunkSize) => {
  const bytes = sampleBytes(20);
  const archive = new ArchiveReader('xz', chunksOf(bytes, chunkSize));
  expect(await archive.atEnd()).toBe(false);
  expect(await archive.exactly(7)).toEqual(bytes.subarray(0, 7));
  expect(await archive.exactly(0)).toEqual(new Uint8Array(0));
  expect((await archive.upTo(3)).length).toBe(Math.min(3, chunkSize === 2 || chunkSize === 1 ? 1 : 3));
  const rest = 20 - archive.offset;
  expect(await archive.exactly(rest)).toEqual(bytes.subarray(20 - rest));
  expect(await archive.atEnd()).toBe(true);
});

test('names the format and the place of what is cut short', async () => {
  const archive = new ArchiveReader('xz', chunksOf(sampleBytes(20), 8));
  await archive.exactly(5);
  await expect(archive.exactly(16)).rejects.toMatchObject({
    code: 'compression-corrupt',
    compression: 'xz',
    message: 'the xz archive is damaged: it is cut short, at byte 20',
  });
});

test('lets go of its source', async () => {
  const { source, state } = watched(sampleBytes(20), 8);
  const archive = new ArchiveReader('xz', source);
  await archive.exactly(5);
  await archive.close();
  expect(state).toEqual({ taken: 8, ended: true });
});
