import { expect, test, vi } from 'vitest';
import { createXz } from '../../../src/compression/xz/xz.ts';
import { createLiblzmaEncoder } from '../../../src/compression/xz/xz-liblzma.ts';
import { archiveContent, archives } from '../archives.ts';
import { chunksOf, collect } from '../streams.ts';

vi.mock('node-liblzma', () => {
  throw new Error("Cannot find package 'node-liblzma'");
});

test('without its package, writing says what to install, and reading goes on', async () => {
  const xz = createXz(createLiblzmaEncoder());
  const writing = collect(xz.compress(chunksOf(archiveContent)));
  await expect(writing).rejects.toMatchObject({ code: 'compression-unsupported', compression: 'xz' });
  await expect(writing).rejects.toThrow('npm install node-liblzma');
  const [, , archive] = archives.find(([name]) => name === 'xz')!;
  expect(await collect(xz.decompress(chunksOf(archive)))).toEqual(archiveContent);
});
