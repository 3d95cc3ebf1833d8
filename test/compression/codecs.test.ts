/** What every codec does alike: all of the tables, and both ways to zstd that a Node may have. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../src/bytes/bytes.ts';
import type { Codec } from '../../src/compression/codec.ts';
import { codecs as nodeCodecs } from '../../src/compression/codecs-node.ts';
import { codecs as portableCodecs } from '../../src/compression/codecs-portable.ts';
import { codecs as workerdCodecs } from '../../src/compression/codecs-workerd.ts';
import { CompressionError } from '../../src/compression/compression-error.ts';
import { createZstd } from '../../src/compression/zstd/zstd.ts';
import { createWorkerZstdEngine } from '../../src/compression/zstd/zstd-workers.ts';
import { archiveContent, archives, unreadable } from './archives.ts';
import { chunksOf, collect, hangingAfter, sampleBytes, watched } from './streams.ts';

const writers: readonly (readonly [string, Codec])[] = [
  ...(['none', 'br', 'gzip', 'xz', 'zstd'] as const).map((name) => [name, nodeCodecs[name]] as const),
  ['zstd in workers', createZstd(createWorkerZstdEngine())],
  ...(['gzip', 'zstd'] as const).map((name) => [`portable ${name}`, portableCodecs[name]] as const),
];

const readers: readonly (readonly [string, Codec])[] = [
  ...writers,
  ['bzip2', nodeCodecs.bzip2],
  ['portable xz', portableCodecs.xz],
  ['xz of Workers', workerdCodecs.xz],
];

/** Fast, where the default level is not. */
const levelOf = (codec: Codec): number => (codec.name === 'br' ? 5 : codec.name === 'xz' ? 0 : -1);

const compress = (codec: Codec, bytes: Uint8Array, ...chunkSizes: number[]): Promise<Uint8Array> =>
  collect(codec.compress(chunksOf(bytes, ...chunkSizes), { level: levelOf(codec) }));

const decompress = (codec: Codec, archive: Uint8Array, ...chunkSizes: number[]): Promise<Uint8Array> =>
  collect(codec.decompress(chunksOf(archive, ...chunkSizes)));

const hasFormat = ([, codec]: readonly [string, Codec]): boolean => codec.name !== 'none';

/** A small archive of each method. */
async function smallArchive(codec: Codec): Promise<{ content: Uint8Array; archive: Uint8Array }> {
  const known = archives.find(([name]) => name === codec.name);
  if (known !== undefined) return { content: archiveContent, archive: known[2] };
  return { content: archiveContent, archive: await compress(codec, archiveContent) };
}

/** An archive of more content than anything may hold in memory at once. */
async function largeArchive(codec: Codec): Promise<{ size: number; archive: Uint8Array }> {
  if (codec.name !== 'bzip2')
    return { size: 20_000_000, archive: await compress(nodeCodecs[codec.name], new Uint8Array(20_000_000), 500_000) };
  // 64,000,000 zeros by bzip2 1.0.8, in two blocks.
  const base64 =
    'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZFwkgoACKo8EAwABAAAAIIAAwzAUppqhJIbAiSQ8XckU4UJALGuUe';
  return { size: 64_000_000, archive: Uint8Array.from(Buffer.from(base64, 'base64')) };
}

/** Large contents make a failure that nobody can read. */
function expectSame(actual: Uint8Array, expected: Uint8Array, title?: string): void {
  expect(actual.length, title).toBe(expected.length);
  expect(equalBytes(actual, expected), title).toBe(true);
}

const corrupt = { code: 'compression-corrupt' };

describe.each(writers)('writing %s', (_title, codec) => {
  test.each([0, 1, 2, 17, 65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577])(
    '%i bytes come back',
    async (size) => {
      const content = sampleBytes(size);
      const archive = await compress(codec, content);
      expectSame(await decompress(codec, archive), content);
    },
  );

  test('any content in any chunks comes back', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      sizes,
      sizes,
      async (content, inSizes, outSizes) => {
        const archive = await compress(codec, content, ...inSizes);
        expectSame(await decompress(codec, archive, ...outSizes), content);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test('the archive does not depend on the chunks', async () => {
    const content = sampleBytes(300_000);
    const archive = await compress(codec, content);
    if (codec.name !== 'gzip') expectSame(await compress(codec, content, 1000, 77_777), archive);
    expectSame(await compress(codec, content, content.length), archive);
  });

  test('empty chunks are nothing', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(0);
      yield archiveContent.slice();
      yield new Uint8Array(0);
    }
    const archive = await collect(codec.compress(source(), { level: levelOf(codec) }));
    expectSame(await decompress(codec, archive), archiveContent);
  });
});

describe.each(writers.filter(hasFormat))('levels of %s', (_title, codec) => {
  const ranges: Record<string, [number, number]> = { br: [0, 11], gzip: [0, 9], xz: [0, 9], zstd: [1, 22] };
  const [lowest, highest] = ranges[codec.name]!;

  test.each([lowest, highest, -1, undefined])('%j', async (level) => {
    const archive = await collect(codec.compress(chunksOf(archiveContent), { level }));
    expectSame(await decompress(codec, archive), archiveContent);
  });

  test.each([lowest - 2, highest + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%j is none', (level) => {
    if (level === -1) return;
    expect(() => codec.compress(chunksOf(archiveContent), { level })).toThrow(RangeError);
    expect(() => codec.compress(chunksOf(archiveContent), { level })).toThrow(`${codec.name} has no compression level`);
  });

  test('a higher one makes a smaller archive', async () => {
    const content = sampleBytes(100_000);
    const [large, small] = await Promise.all(
      [Math.max(lowest, 1), highest].map((level) => collect(codec.compress(chunksOf(content), { level }))),
    );
    expect(small!.length).toBeLessThan(large!.length);
  });
});

describe.each(readers)('reading %s', (_title, codec) => {
  test('what a signal ends rejects with its reason, before and amid', async () => {
    const { archive } = await smallArchive(codec);
    const reason = new Error('enough');
    const early = codec.decompress(chunksOf(archive), { signal: AbortSignal.abort(reason) });
    await expect(collect(early)).rejects.toBe(reason);

    const controller = new AbortController();
    const hanging = collect(codec.decompress(hangingAfter(archive), { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 20);
    await expect(hanging).rejects.toBe(reason);
  });

  test('an error of the source comes out as it is', async () => {
    const { archive } = await smallArchive(codec);
    const error = new Error('the network is down');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield archive.slice(0, archive.length >> 1);
      throw error;
    }
    await expect(collect(codec.decompress(source()))).rejects.toBe(error);
  });

  test('who leaves early lets go of the source', async () => {
    const { archive } = await largeArchive(codec);
    const { source, state } = watched(concatBytes([archive, archive, archive]), Math.ceil(archive.length / 3));
    for await (const chunk of codec.decompress(source)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(state.ended).toBe(true);
  });

  test('no more bytes than allowed come out, in chunks of bounded size', async () => {
    const { size, archive } = await largeArchive(codec);
    let read = 0;
    let largest = 0;
    const consume = async (maximumSize: number): Promise<void> => {
      read = 0;
      for await (const chunk of codec.decompress(chunksOf(archive, 500_000), { maximumSize })) {
        read += chunk.length;
        largest = Math.max(largest, chunk.length);
      }
    };
    await consume(size);
    expect(read).toBe(size);
    await expect(consume(size - 1)).rejects.toMatchObject({ code: 'compression-limit', compression: codec.name });
    expect(read).toBeLessThan(size);
    await expect(consume(1_000_000)).rejects.toMatchObject({ code: 'compression-limit' });
    expect(read).toBeLessThanOrEqual(1_000_000);
    expect(largest).toBeLessThanOrEqual(1_048_576);
  });

  test('many side by side, and one that stalls holds up none', async () => {
    const { content, archive } = await smallArchive(codec);
    const controller = new AbortController();
    const stalled = collect(codec.decompress(hangingAfter(archive.slice(0, 20)), { signal: controller.signal }));
    const all = await Promise.all(Array.from({ length: 30 }, (_, index) => decompress(codec, archive, index + 1)));
    for (const bytes of all) expectSame(bytes, content);
    controller.abort();
    await expect(stalled).rejects.toBe(controller.signal.reason);
  });
});

describe.each(writers)('while writing %s', (_title, codec) => {
  const level = levelOf(codec);

  test('what a signal ends rejects with its reason, before and amid', async () => {
    const reason = new Error('enough');
    const early = codec.compress(chunksOf(archiveContent), { level, signal: AbortSignal.abort(reason) });
    await expect(collect(early)).rejects.toBe(reason);

    const controller = new AbortController();
    const hanging = collect(codec.compress(hangingAfter(archiveContent), { level, signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 20);
    await expect(hanging).rejects.toBe(reason);
  });

  test('an error of the source comes out as it is', async () => {
    const error = new Error('the disk is broken');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield sampleBytes(5_000_000);
      throw error;
    }
    await expect(collect(codec.compress(source(), { level }))).rejects.toBe(error);
  });

  test('who leaves early lets go of the source', async () => {
    const { source, state } = watched(sampleBytes(10_000_000), 1_000_000);
    let chunks = 0;
    // The first chunk of an archive may be a header, before anything is read.
    for await (const chunk of codec.compress(source, { level })) if (chunk.length > 0 && ++chunks === 2) break;
    expect(state).toMatchObject({ ended: true });
  });

  test('many side by side, and one that stalls holds up none', async () => {
    const controller = new AbortController();
    const stalled = collect(codec.compress(hangingAfter(sampleBytes(100)), { level, signal: controller.signal }));
    const contents = Array.from({ length: 20 }, (_, index) => sampleBytes(50_000 + index, index + 1));
    const archives = await Promise.all(contents.map((content) => compress(codec, content, 20_000)));
    for (const [index, archive] of archives.entries()) expectSame(await decompress(codec, archive), contents[index]!);
    controller.abort();
    await expect(stalled).rejects.toBe(controller.signal.reason);
  });
});

describe.each(readers.filter(hasFormat))('a bad archive of %s', (title, codec) => {
  test('cut short anywhere is refused', async () => {
    const { archive } = await smallArchive(codec);
    for (let length = 0; length < archive.length; length++) {
      await expect(decompress(codec, archive.slice(0, length)), `${length} bytes`).rejects.toMatchObject(corrupt);
      await expect(decompress(codec, archive.slice(0, length), 7), `${length} bytes`).rejects.toBeInstanceOf(
        CompressionError,
      );
    }
  });

  test('with any bit changed is refused, or has what it had', async () => {
    const { content, archive } = await smallArchive(codec);
    let accepted = 0;
    for (let bit = 0; bit < archive.length * 8; bit++) {
      const changed = archive.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const read = await collect(codec.decompress(chunksOf(changed), { maximumSize: 1_000_000 }));
        accepted++;
        // Brotli has no checksum: the NAR's hash tells.
        if (codec.name !== 'br') expectSame(read, content, `bit ${bit}`);
      } catch (error) {
        expect(error, `bit ${bit}`).toBeInstanceOf(CompressionError);
      }
    }
    expect(accepted).toBeLessThan(archive.length * 4);
  });

  test.each([1, 100, 100_000])('followed by %i bytes that do not belong to it is refused', async (size) => {
    const { archive } = await smallArchive(codec);
    const trailing = concatBytes([archive, new Uint8Array(size).fill(0x21)]);
    for (const chunkSize of [trailing.length, archive.length, 1000])
      await expect(decompress(codec, trailing, chunkSize), `chunks of ${chunkSize}`).rejects.toMatchObject(corrupt);
  });

  test.each([
    ['text', Buffer.from('<html>this is a login page, and no archive at all</html>'.repeat(50))],
    ['zeros', new Uint8Array(10_000)],
    ['noise', sampleBytes(10_000, 7)],
  ])('that is %s is refused', async (_kind, bytes) => {
    await expect(decompress(codec, bytes)).rejects.toMatchObject({ ...corrupt, compression: codec.name });
  });

  test(`of another method is refused (${title})`, async () => {
    for (const [name, , archive] of archives)
      if (name !== codec.name) await expect(decompress(codec, archive), name).rejects.toBeInstanceOf(CompressionError);
  });
});

describe('archives of the real tools', () => {
  const cases = readers.flatMap(([title, codec]) =>
    [...archives, ...unreadable]
      .filter(([name]) => name === codec.name)
      // Whether DecompressionStream reads a second member depends on the platform.
      .filter(([, kind]) => title !== 'portable gzip' || !kind.startsWith('two members'))
      .map(([, kind, archive]) => ({ title, kind, codec, archive, isReadable: !isUnreadable(kind) })),
  );

  test.each(cases.filter(({ isReadable }) => isReadable))('$title: $kind', async ({ codec, archive }) => {
    for (const chunkSize of [archive.length, 1, 5, 13])
      expectSame(await decompress(codec, archive, chunkSize), archiveContent);
  });

  test.each(cases.filter(({ isReadable }) => !isReadable))('$title: $kind is refused', async ({ codec, archive }) => {
    for (const chunkSize of [archive.length, 1])
      await expect(decompress(codec, archive, chunkSize)).rejects.toMatchObject({ compression: codec.name });
  });

  function isUnreadable(kind: string): boolean {
    return unreadable.some(([, other]) => other === kind);
  }
});
