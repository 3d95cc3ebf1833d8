import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Content } from '../../src/backend/index.ts';
import { createSpool as createNodeSpool } from '../../src/binary-cache/spool-node.ts';
import { createSpool as createPortableSpool } from '../../src/binary-cache/spool-portable.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-spool-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function read(content: Content, offset?: number, length?: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open(offset === undefined ? undefined : { offset, length })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const megabyte = 1024 * 1024;

describe.each([
  ['in memory', () => createPortableSpool()],
  ['on Node', () => createNodeSpool(directory)],
])('a spool %s', (_, create) => {
  it.each([0, 1, megabyte, megabyte + 1, 3 * megabyte])(
    'gives %i bytes back, whole and in parts, again and again',
    async (size) => {
      const bytes = Buffer.alloc(size, 'narkit');
      const spool = create();
      for (let offset = 0; offset < size; offset += 100_000)
        await spool.write(bytes.subarray(offset, offset + 100_000));
      const content = spool.content();
      expect(content.size).toBe(size);
      for (let round = 0; round < 2; round++) expect((await read(content)).equals(bytes)).toBe(true);
      const half = Math.floor(size / 2);
      expect((await read(content, half)).equals(bytes.subarray(half))).toBe(true);
      expect((await read(content, half, 10)).equals(bytes.subarray(half, half + 10))).toBe(true);
      expect(await read(content, size, 5)).toHaveLength(0);
      await spool.close();
      await spool.close();
    },
  );
});

describe('a spool on Node', () => {
  it('has no name in the directory, so that nothing can stay behind', async () => {
    const spool = createNodeSpool(directory);
    await spool.write(Buffer.alloc(2 * megabyte));
    expect(await readdir(directory)).toEqual([]);
    await spool.close();
  });

  it('names the directory that it cannot write in', async () => {
    const missing = join(directory, 'missing');
    const spool = createNodeSpool(missing);
    await expect(spool.write(Buffer.alloc(2 * megabyte))).rejects.toThrow(missing);
    await spool.close();
  });
});
