import { describe, expect, test } from 'vitest';
import { createNarListingBuilder, NarFormatError, observeNar, readNar, writeNar } from '../../src/nar/index.ts';
import { collect, directory, file, inChunks, patternBytes, symlink, toNarNode } from '../fixture-trees/fixture-tree.ts';
import { nar, regular } from './nar-bytes.ts';

const tree = directory({
  a: file(patternBytes(200_000)),
  b: directory({ c: file('small', true), d: file('') }),
  e: symlink('b'),
});
const narOfTree = () => collect(writeNar(toNarNode(tree)));

/** A source that says when it was let go. */
function watched(bytes: Uint8Array, size: number) {
  const state = { ended: false };
  async function* source() {
    try {
      yield* inChunks(bytes, size);
    } finally {
      state.ended = true;
    }
  }
  return { state, source: source() };
}

describe('entries pulled one by one', () => {
  test.each([1, 64, 1000, 65_536, 1_000_000])('in chunks of %d bytes', async (size) => {
    const seen: unknown[] = [];
    for await (const entry of readNar(inChunks(await narOfTree(), size))) {
      if (entry.type === 'regular') seen.push([entry.path, entry.size, (await collect(entry.contents)).length]);
      else seen.push([entry.path, entry.type]);
    }
    expect(seen).toEqual([
      ['', 'directory'],
      ['a', 200_000, 200_000],
      ['b', 'directory'],
      ['b/c', 5, 5],
      ['b/d', 0, 0],
      ['e', 'symlink'],
    ]);
  });

  test('contents may be skipped, or read in part', async () => {
    for (const pieces of [0, 1, 2]) {
      const seen: string[] = [];
      for await (const entry of readNar(inChunks(await narOfTree(), 50_000))) {
        seen.push(entry.path);
        if (entry.type !== 'regular') continue;
        let left = pieces;
        if (left > 0) for await (const _ of entry.contents) if (--left === 0) break;
      }
      expect(seen).toEqual(['', 'a', 'b', 'b/c', 'b/d', 'e']);
    }
  });

  test('contents cannot be read when the next entry was asked for', async () => {
    const kept: AsyncIterable<Uint8Array>[] = [];
    for await (const entry of readNar(inChunks(await narOfTree(), 1000)))
      if (entry.type === 'regular') kept.push(entry.contents);
    for (const contents of kept) await expect(collect(contents)).rejects.toThrow(TypeError);
  });

  test('the contents are those of the file', async () => {
    for await (const entry of readNar(inChunks(await narOfTree(), 777)))
      if (entry.path === 'a' && entry.type === 'regular')
        expect((await collect(entry.contents)).equals(patternBytes(200_000))).toBe(true);
  });

  test('other data after the NAR is refused, in the same chunk and in the next', async () => {
    const bytes = await narOfTree();
    for (const size of [bytes.length, 1_000_000]) {
      const followed = Buffer.concat([bytes, Buffer.from('x')]);
      const failure = await collectPaths(inChunks(followed, size)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(NarFormatError);
      expect(failure).toMatchObject({ offset: bytes.length, message: expect.stringContaining('other data follows') });
    }
  });

  test('a NAR cut short is refused, in the contents too', async () => {
    const bytes = await narOfTree();
    for (const length of [0, 10, 100, 1000, 150_000, bytes.length - 1])
      await expect(collectPaths(inChunks(bytes.subarray(0, length), 4096))).rejects.toThrow('unexpected end-of-file');
    const readContents = async () => {
      for await (const entry of readNar(inChunks(bytes.subarray(0, 150_000), 4096)))
        if (entry.type === 'regular') await collect(entry.contents);
    };
    await expect(readContents()).rejects.toThrow('unexpected end-of-file');
  });

  test('empty chunks mean nothing', async () => {
    const bytes = await narOfTree();
    async function* source() {
      for await (const chunk of inChunks(bytes, 10_000)) {
        yield new Uint8Array(0);
        yield chunk;
      }
      yield new Uint8Array(0);
    }
    expect(await collectPaths(source())).toHaveLength(6);
  });

  test('the source is let go: at the end, by who stops, by an error, by a signal', async () => {
    const bytes = await narOfTree();
    const whole = watched(bytes, 1000);
    await collectPaths(whole.source);
    expect(whole.state.ended).toBe(true);

    const left = watched(bytes, 1000);
    for await (const _ of readNar(left.source)) break;
    expect(left.state.ended).toBe(true);

    const broken = watched(Buffer.concat([nar('oops'), bytes]), 100);
    await expect(collectPaths(broken.source)).rejects.toThrow(NarFormatError);
    expect(broken.state.ended).toBe(true);

    const aborted = watched(bytes, 1000);
    const controller = new AbortController();
    const paths = (async () => {
      for await (const _ of readNar(aborted.source, { signal: controller.signal })) controller.abort(new Error('stop'));
    })();
    await expect(paths).rejects.toThrow('stop');
    expect(aborted.state.ended).toBe(true);
  });

  test('what the source throws is thrown', async () => {
    async function* source() {
      yield (await narOfTree()).subarray(0, 1000);
      throw new Error('connection lost');
    }
    await expect(collectPaths(source())).rejects.toThrow('connection lost');
  });
});

async function collectPaths(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of readNar(source)) paths.push(path);
  return paths;
}

describe('chunks observed on their way', () => {
  test('are the same chunks, and the entries are told', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of inChunks(await narOfTree(), 10_000)) chunks.push(chunk);
    async function* source() {
      yield* chunks;
    }
    const listing = createNarListingBuilder();
    const passed: Uint8Array[] = [];
    for await (const chunk of observeNar(source(), listing)) passed.push(chunk);
    expect(passed).toHaveLength(chunks.length);
    for (const [index, chunk] of passed.entries()) expect(chunk).toBe(chunks[index]);
    expect(listing.finish()).toMatchObject({ type: 'directory' });
  });

  test('a chunk that breaks the format is not passed on', async () => {
    const bytes = Buffer.concat([nar(...regular('x')).subarray(0, -16), Buffer.from('oops oops oops oops')]);
    const passed: Uint8Array[] = [];
    const passAll = async () => {
      for await (const chunk of observeNar(inChunks(bytes, bytes.length - 19, 19), {})) passed.push(chunk);
    };
    await expect(passAll()).rejects.toThrow('string is too long');
    expect(passed).toHaveLength(1);
  });

  test('a NAR that is cut short, and one that goes on, are refused', async () => {
    const bytes = nar(...regular('x'));
    await expect(collect(observeNar(inChunks(bytes.subarray(0, -1), 10), {}))).rejects.toThrow(
      'unexpected end-of-file',
    );
    await expect(collect(observeNar(inChunks(Buffer.concat([bytes, bytes]), 10), {}))).rejects.toThrow(
      'other data follows',
    );
  });

  test('the source is let go by who stops', async () => {
    const { state, source } = watched(await narOfTree(), 1000);
    for await (const _ of observeNar(source, {})) break;
    expect(state.ended).toBe(true);
  });
});
