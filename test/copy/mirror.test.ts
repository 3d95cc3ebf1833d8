/** From cache to cache: the file of a NAR goes on as it is, and nothing of it is believed. */
import { describe, expect, it } from 'vitest';
import type { Backend, StagedObject } from '../../src/backend/index.ts';
import { createMemoryBackend } from '../../src/backend/index.ts';
import { type BinaryCacheSettings, type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { concatBytes, encodeUtf8 } from '../../src/bytes/index.ts';
import type { CompressionName } from '../../src/compression/index.ts';
import { findCodec } from '../../src/compression/index.ts';
import { type CopyEvent, type CopyResult, copy } from '../../src/copy/index.ts';
import { hashBytes } from '../../src/hash/index.ts';
import { formatNarInfo, type NarInfo, narInfoKey, parseNarInfo } from '../../src/narinfo/index.ts';
import { generateSecretKey, signPathInfo, verifySignature } from '../../src/signing/index.ts';
import { formatStorePath, type StorePath } from '../../src/store-path.ts';
import { createSampleStore } from './sample-store.ts';

const storeDir = '/nix/store';
/** What no method makes much smaller, and what each does. */
const text = `${Array.from({ length: 3000 }, (_, index) => Math.sin(index)).join('\n')}${'same '.repeat(50_000)}`;

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return concatBytes(chunks);
}

async function readBytes(backend: Backend, key: string): Promise<Uint8Array> {
  return bytesOf((await backend.get(key))!.body);
}

async function listKeys(backend: Backend): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of backend.list!('')) keys.push(key);
  return keys.sort();
}

interface Source {
  readonly backend: Backend;
  readonly cache: BinaryCacheStore;
  readonly path: StorePath;
  readonly nar: Uint8Array;
  readonly info: NarInfo;
  /** Write the narinfo again, with other fields; an `undefined` leaves one out. */
  rewrite(fields: { [Field in keyof NarInfo]?: NarInfo[Field] | undefined }): Promise<void>;
}

/** What a cache has that holds one signed path with a deriver. Compressed once for each way of compression. */
const filled = new Map<string, Promise<Filled>>();

interface Filled {
  readonly objects: ReadonlyMap<string, Uint8Array>;
  readonly path: StorePath;
  readonly nar: Uint8Array;
}

async function fill(settings: BinaryCacheSettings): Promise<Filled> {
  const store = createSampleStore();
  const deriver = await store.add('sample.drv');
  const path = await store.add('sample', [], text);
  const { info: bare, nar } = store.paths.get(path)!;
  const signatures = [signPathInfo(bare, generateSecretKey('elsewhere-1'), storeDir)];
  store.paths.set(path, { info: { ...bare, deriver, signatures }, nar });
  const backend = createMemoryBackend();
  expect(await copy(store, await openBinaryCacheStore(backend, { settings }), [path])).toMatchObject({ copied: 1 });
  const objects = new Map<string, Uint8Array>();
  for (const key of await listKeys(backend)) objects.set(key, await readBytes(backend, key));
  return { objects, path, nar };
}

async function createSource(settings: BinaryCacheSettings = {}): Promise<Source> {
  const name = JSON.stringify(settings);
  if (!filled.has(name)) filled.set(name, fill(settings));
  const { objects, path, nar } = await filled.get(name)!;
  const backend = createMemoryBackend();
  for (const [key, bytes] of objects) await backend.put(key, bytes.slice());
  const cache = await openBinaryCacheStore(backend);
  const info = (await cache.queryPathInfo(path))!;
  return {
    ...{ backend, cache, path, nar, info },
    async rewrite(fields) {
      const changed = Object.entries({ ...info, ...fields }).filter(([, value]) => value !== undefined);
      const narInfo = Object.fromEntries(changed) as unknown as NarInfo;
      await backend.put(narInfoKey(path), encodeUtf8(formatNarInfo(narInfo, { storeDir })));
    },
  };
}

/** The two ways in which a cache takes bytes before it knows their name. */
const destinations: Record<string, () => Backend> = {
  'a backend that stages': createMemoryBackend,
  'a backend that does not': () => ({ ...createMemoryBackend(), stage: undefined }) as unknown as Backend,
};

async function mirror(source: Source, to: Backend, settings: BinaryCacheSettings = {}): Promise<CopyResult> {
  return copy(source.cache, await openBinaryCacheStore(to, { settings }), [source.path]);
}

describe.each(Object.entries(destinations))('a mirror in %s', (_, createDestination) => {
  it.each(['none', 'gzip', 'br', 'zstd', 'xz'] as const)('is the same, file by file, of %s', async (compression) => {
    const source = await createSource({ compression });
    const to = createDestination();
    expect((await mirror(source, to)).outcomes).toMatchObject([
      { outcome: 'copied', url: source.info.url, fileHash: source.info.fileHash, fileSize: source.info.fileSize },
    ]);
    expect(await listKeys(to)).toEqual(await listKeys(source.backend));
    for (const key of await listKeys(to))
      expect(await readBytes(to, key), key).toEqual(await readBytes(source.backend, key));
  });

  describe('takes nothing of what is not as promised', () => {
    const other = hashBytes('sha256', encodeUtf8('other'));

    async function changeFile({ backend, info }: Source, change: (file: Uint8Array) => Uint8Array): Promise<void> {
      await backend.put(info.url, change(await readBytes(backend, info.url)));
    }
    const flip = (file: Uint8Array, at: number): Uint8Array => {
      file[at]! ^= 4;
      return file;
    };

    const damages: Record<string, (source: Source) => Promise<void>> = {
      'a file with a changed byte': (source) => changeFile(source, (file) => flip(file, file.length >>> 1)),
      'a file with a changed first byte': (source) => changeFile(source, (file) => flip(file, 0)),
      'a file that is cut short': (source) => changeFile(source, (file) => file.subarray(0, -1)),
      'half a file': (source) => changeFile(source, (file) => file.subarray(0, file.length >>> 1)),
      'an empty file': (source) => changeFile(source, () => new Uint8Array(0)),
      'a file with more behind it': (source) => changeFile(source, (file) => concatBytes([file, encodeUtf8('x')])),
      'a file that is gone': ({ backend, info }) => backend.delete(info.url),
      'another FileHash': ({ rewrite }) => rewrite({ fileHash: other }),
      'another FileSize': ({ rewrite, info }) => rewrite({ fileSize: info.fileSize! + 1 }),
      'another NarHash': ({ rewrite }) => rewrite({ narHash: other }),
      'more NAR than NarSize': ({ rewrite, info }) => rewrite({ narSize: info.narSize - 8 }),
      'less NAR than NarSize': ({ rewrite, info }) => rewrite({ narSize: info.narSize + 8 }),
      'a bomb': ({ rewrite }) => rewrite({ narSize: 1000, fileSize: undefined, fileHash: undefined }),
      'the wrong compression': ({ rewrite, info }) =>
        rewrite({ compression: info.compression === 'gzip' ? 'zstd' : 'gzip' }),
      'a compression that cannot be read': ({ rewrite }) => rewrite({ compression: 'lz4' }),
    };
    const cases = (['none', 'gzip', 'br', 'zstd', 'xz'] as const).flatMap((compression) =>
      Object.keys(damages).map((damage) => [damage, compression] as const),
    );

    it.each(cases)('%s (%s)', async (damage, compression) => {
      const source = await createSource({ compression });
      await damages[damage]!(source);
      const to = createDestination();
      const { outcomes } = await mirror(source, to);
      expect(outcomes).toMatchObject([{ outcome: 'failed', path: source.path, error: { narkitError: true } }]);
      expect(outcomes[0]!.error!.message).toContain(formatStorePath(source.path));
      expect(await listKeys(to)).toEqual(['nix-cache-info']);
    });

    it('a file without an end, that unpacks to nothing', async () => {
      const source = await createSource({ compression: 'gzip' });
      await source.rewrite({ fileHash: undefined, fileSize: undefined });
      const empty = await bytesOf(findCodec('gzip').compress((async function* () {})()));
      const members = concatBytes(Array.from({ length: 3000 }, () => empty));
      let sent = 0;
      const endless: Backend = {
        ...source.backend,
        async get(key, options) {
          if (!key.startsWith('nar/')) return source.backend.get(key, options);
          const body = (async function* () {
            for (; ; sent += members.length) yield members.slice();
          })();
          return { key, size: undefined, body };
        },
      };
      const to = createDestination();
      const from = await openBinaryCacheStore(endless);
      const { outcomes } = await copy(from, await openBinaryCacheStore(to), [source.path]);
      expect(outcomes).toMatchObject([{ error: { code: 'nar-file-mismatch' } }]);
      expect(sent).toBeLessThan(2 * source.info.narSize + 2 * 1024 * 1024);
      expect(await listKeys(to)).toEqual(['nix-cache-info']);
    });
  });

  it('computes FileHash and FileSize that the source does not say, and gives the file its own name', async () => {
    const source = await createSource({ compression: 'xz' });
    const { backend, info } = source;
    await backend.put('some/where.nar', await readBytes(backend, info.url));
    await source.rewrite({ url: 'some/where.nar', fileHash: undefined, fileSize: undefined });
    const to = createDestination();
    expect(await mirror(source, to)).toMatchObject({ copied: 1 });
    const mirrored = parseNarInfo(await readBytes(to, narInfoKey(source.path)), { storeDir });
    expect(mirrored).toEqual(info);
  });

  it('does not put a large NAR that lies there', async () => {
    const source = await createSource({ compression: 'none' });
    const to = createDestination();
    await mirror(source, to);
    await to.delete(narInfoKey(source.path));
    const puts: string[] = [];
    const noting: Backend = {
      ...to,
      put(key, content, options) {
        puts.push(key);
        return to.put(key, content, options);
      },
    };
    expect(await mirror(source, noting)).toMatchObject({ copied: 1 });
    expect(puts).toEqual([narInfoKey(source.path)]);
  });
});

describe('a mirror', () => {
  const recompressed: [CompressionName, CompressionName][] = [
    ['xz', 'zstd'],
    ['zstd', 'none'],
    ['none', 'gzip'],
  ];
  it.each(recompressed)('of %s is %s where that is asked for', async (compression, wanted) => {
    const source = await createSource({ compression });
    const to = createMemoryBackend();
    expect(await mirror(source, to, { compression: wanted })).toMatchObject({ copied: 1 });
    const cache = await openBinaryCacheStore(to);
    const { fileHash: _, fileSize: __, url, ...info } = (await cache.queryPathInfo(source.path))!;
    expect(source.info).toMatchObject({ ...info, compression });
    expect(info.compression).toBe(wanted);
    expect(url).toMatch(wanted === 'zstd' ? /\.nar\.zst$/ : /\.nar$/);
    expect(await bytesOf(cache.narFromPath(source.path))).toEqual(source.nar);
  });

  it('passes the file on when the compression that is asked for is the one that it has', async () => {
    const source = await createSource({ compression: 'gzip', compressionLevel: 1 });
    const to = createMemoryBackend();
    await mirror(source, to, { compression: 'gzip', compressionLevel: 9 });
    expect(await readBytes(to, source.info.url)).toEqual(await readBytes(source.backend, source.info.url));
  });

  it('keeps signatures and adds those of its keys', async () => {
    const source = await createSource();
    const [here, there] = [generateSecretKey('here-1'), generateSecretKey('there-1')];
    const to = await openBinaryCacheStore(createMemoryBackend(), { secretKeys: [there] });
    await copy(source.cache, to, [source.path], { secretKeys: [here] });
    const info = (await to.queryPathInfo(source.path))!;
    expect({ ...info, signatures: source.info.signatures }).toEqual(source.info);
    expect(info.signatures.map((signature) => signature.split(':')[0])).toEqual(['elsewhere-1', 'here-1', 'there-1']);
    for (const [index, { publicKey }] of [here, there].entries())
      expect(verifySignature(info, info.signatures[index + 1]!, [publicKey], storeDir)).toBe(true);
  });

  it('writes the listing that the source does not have', async () => {
    const source = await createSource();
    const to = createMemoryBackend();
    await mirror(source, to, { writeNarListing: true });
    const listing = JSON.parse(Buffer.from(await readBytes(to, `${source.path.slice(0, 32)}.ls`)).toString());
    expect(listing).toMatchObject({ root: { type: 'regular', size: text.length } });
  });

  it('puts nothing of bytes that hash right and are no NAR beside a listing', async () => {
    const source = await createSource({ compression: 'none' });
    const bytes = encodeUtf8('no NAR at all');
    await source.backend.put('file', bytes);
    const hash = hashBytes('sha256', bytes);
    await source.rewrite({
      url: 'file',
      fileHash: hash,
      fileSize: bytes.length,
      narHash: hash,
      narSize: bytes.length,
    });
    const to = createMemoryBackend();
    const { outcomes } = await mirror(source, to, { writeNarListing: true });
    expect(outcomes).toMatchObject([{ error: { code: 'nar-format' } }]);
    expect(await listKeys(to)).toEqual(['nix-cache-info']);
  });

  it('tells of as much progress as there is NAR', async () => {
    const source = await createSource({ compression: 'zstd' });
    let told = 0;
    const onEvent = (event: CopyEvent): void => {
      if (event.type === 'progress') told += event.narBytes;
    };
    await copy(source.cache, await openBinaryCacheStore(createMemoryBackend()), [source.path], { onEvent });
    expect(Math.abs(told - source.info.narSize)).toBeLessThan(10);
  });

  /** A destination whose staged objects do as they are told. */
  function staging(change: (staged: StagedObject) => Partial<StagedObject>): { to: Backend; aborted: () => number } {
    let aborted = 0;
    const backend = createMemoryBackend();
    const to: Backend = {
      ...backend,
      async stage(options) {
        const staged = await backend.stage(options);
        const abort = (): Promise<void> => {
          aborted++;
          return staged.abort();
        };
        return { ...staged, abort, ...change(staged) };
      },
    };
    return { to, aborted: () => aborted };
  }

  it.each(['write', 'commit'] as const)('in a place that dies at a %s is not there', async (method) => {
    const source = await createSource({ compression: 'none' });
    const death = async (): Promise<void> => {
      throw new Error('the place died');
    };
    const { to, aborted } = staging(() => ({ [method]: death }));
    expect((await mirror(source, to)).outcomes).toMatchObject([{ error: { message: 'the place died' } }]);
    expect(aborted()).toBe(1);
    expect(await listKeys(to)).toEqual(['nix-cache-info']);
  });

  it('waits for what is being written before it gives up', async () => {
    const source = await createSource({ compression: 'zstd' });
    const file = await readBytes(source.backend, source.info.url);
    await source.backend.put(source.info.url, file.subarray(0, file.length - 10));
    let writing = 0;
    let writingAtTheEnd: number | undefined;
    const { to } = staging((staged) => ({
      async write(chunk) {
        writing++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        await staged.write(chunk);
        writing--;
      },
      async abort() {
        writingAtTheEnd = writing;
        await staged.abort();
      },
    }));
    expect((await mirror(source, to)).failed).toBe(1);
    expect(writingAtTheEnd).toBe(0);
    expect(await listKeys(to)).toEqual(['nix-cache-info']);
  });

  it('stops by the signal', async () => {
    const source = await createSource({ compression: 'zstd' });
    const stop = new AbortController();
    const { to } = staging(() => ({ write: async () => stop.abort(new Error('enough')) }));
    const stopped = copy(source.cache, await openBinaryCacheStore(to), [source.path], stop);
    await expect(stopped).rejects.toThrow('enough');
    expect(await listKeys(to)).toEqual(['nix-cache-info']);
  });
});
