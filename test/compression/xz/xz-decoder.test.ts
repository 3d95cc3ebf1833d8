import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { codecs } from '../../../src/compression/codecs-node.ts';
import { chunksOf, collect, hangingAfter } from '../streams.ts';

test('archives side by side, of which one needs more memory in the middle of another', async () => {
  const content = new Uint8Array(3_000_000);
  const large = await collect(codecs.xz.compress(chunksOf(content)));
  const small = await collect(codecs.xz.compress(chunksOf(content.subarray(0, 10))));
  async function decodedSize(archive: Uint8Array, index: number): Promise<number> {
    await sleep(index % 3);
    let size = 0;
    for await (const chunk of codecs.xz.decompress(chunksOf(archive, 400))) {
      size += chunk.length;
      await sleep(index % 2);
    }
    return size;
  }
  for (let round = 0; round < 3; round++) {
    const sizes = await Promise.all([large, small, large, small, large, small, large].map(decodedSize));
    expect(sizes).toEqual([3_000_000, 10, 3_000_000, 10, 3_000_000, 10, 3_000_000]);
  }
});

test('an archive after others that were broken off, damaged, or stand still', async () => {
  const archive = await collect(codecs.xz.compress(chunksOf(new Uint8Array(1_000_000).fill(7))));
  const controller = new AbortController();
  const stalled = collect(codecs.xz.decompress(hangingAfter(archive.subarray(0, 100)), { signal: controller.signal }));
  stalled.catch(() => {});
  for (let index = 0; index < 10; index++) {
    for await (const _ of codecs.xz.decompress(chunksOf(archive))) break;
    await expect(collect(codecs.xz.decompress(chunksOf(archive.subarray(0, -index - 1))))).rejects.toThrow();
    expect((await collect(codecs.xz.decompress(chunksOf(archive)))).length).toBe(1_000_000);
  }
  controller.abort(new Error('enough'));
  await expect(stalled).rejects.toThrow('enough');
});
