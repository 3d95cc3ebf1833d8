import { describe, expect, it } from 'vitest';
import { type Backend, BackendError, createMemoryBackend } from '../../src/backend/index.ts';
import { type BinaryCacheSettings, type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { copy } from '../../src/copy/index.ts';
import { writeNar } from '../../src/nar/index.ts';
import { formatNarInfo } from '../../src/narinfo/index.ts';
import type { StorePath } from '../../src/store-path.ts';
import { createSampleStore } from '../copy/sample-store.ts';

async function drain(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function readText(backend: Backend, key: string): Promise<string | undefined> {
  const object = await backend.get(key);
  return object && (await drain(object.body)).toString();
}

interface Filled {
  readonly backend: ReturnType<typeof createMemoryBackend>;
  readonly cache: BinaryCacheStore;
  readonly path: StorePath;
  readonly nar: Uint8Array;
}

/** A cache with one path of 10,000 bytes. */
async function fill(settings: BinaryCacheSettings): Promise<Filled> {
  const from = createSampleStore();
  const path = await from.add('sample', [], 'contents '.repeat(1111));
  const backend = createMemoryBackend();
  const cache = await openBinaryCacheStore(backend, { settings });
  const { copied } = await copy(from, cache, [path]);
  expect(copied).toBe(1);
  return { backend, cache, path, nar: from.paths.get(path)!.nar };
}

describe('a binary cache', () => {
  it.each(['none', 'gzip', 'br', 'zstd'] as const)('gives back what went in as %s', async (compression) => {
    const { cache, path, nar } = await fill({ compression });
    const info = (await cache.queryPathInfo(path))!;
    expect(info.compression).toBe(compression);
    expect((await drain(cache.narFromPath(path))).equals(nar)).toBe(true);
    expect(await cache.queryPathFromHashPart(path.slice(0, 32))).toBe(path);
    const all: StorePath[] = [];
    for await (const one of cache.queryAllValidPaths()) all.push(one);
    expect(all).toEqual([path]);
  });

  it('refuses a NAR file that is gone, cut short, or another one', async () => {
    for (const compression of ['none', 'zstd'] as const) {
      const { backend, cache, path, nar } = await fill({ compression });
      const info = (await cache.queryPathInfo(path))!;
      const file = await drain((await backend.get(info.url))!.body);
      await backend.put(info.url, file.subarray(0, file.length - 1));
      await expect(drain(cache.narFromPath(path))).rejects.toThrow(
        expect.objectContaining({ name: expect.stringMatching(/Error$/) }),
      );
      const other = Buffer.from(nar);
      other[200]! ^= 1;
      if (compression === 'none') {
        await backend.put(info.url, other);
        await expect(drain(cache.narFromPath(path))).rejects.toMatchObject({ code: 'nar-mismatch' });
      }
      await backend.delete(info.url);
      await expect(drain(cache.narFromPath(path))).rejects.toMatchObject({ code: 'nar-absent' });
    }
  });

  it('refuses a file that is not the one that the narinfo names, though the NAR in it is right', async () => {
    const { backend, cache, path, nar } = await fill({ compression: 'gzip', compressionLevel: 9 });
    const info = (await cache.queryPathInfo(path))!;
    const { gzipSync } = await import('node:zlib');
    await backend.put(info.url, gzipSync(nar, { level: 1 }));
    await expect(drain(cache.narFromPath(path))).rejects.toMatchObject({ code: 'nar-file-mismatch' });
  });

  it('says which path is not there', async () => {
    const { cache } = await fill({});
    const absent = (await createSampleStore().add('absent')) as StorePath;
    expect(await cache.queryPathInfo(absent)).toBeUndefined();
    await expect(drain(cache.narFromPath(absent))).rejects.toThrow(`path '/nix/store/${absent}' is not in 'memory:'`);
  });

  it('compresses narinfo and listing for transport, and reads them again', async () => {
    const { backend, cache, path } = await fill({
      narinfoCompression: 'gzip',
      lsCompression: 'br',
      writeNarListing: true,
    });
    const narinfo = (await backend.get(`${path.slice(0, 32)}.narinfo`))!;
    expect(narinfo.contentEncoding).toBe('gzip');
    expect((await drain(narinfo.body)).subarray(0, 2).toString('hex')).toBe('1f8b');
    expect((await backend.get(`${path.slice(0, 32)}.ls`))!.contentEncoding).toBe('br');
    expect((await cache.queryPathInfo(path))!.path).toBe(path);
  });

  it('refuses a narinfo that is too large to be one', async () => {
    const { backend, cache, path } = await fill({});
    const padding = `X: ${'x'.repeat(1000)}\n`.repeat(100_000);
    await backend.put(`${path.slice(0, 32)}.narinfo`, encodeUtf8(padding));
    await expect(cache.queryPathInfo(path)).rejects.toMatchObject({ code: 'object-too-large' });
  });

  it('keeps what it does not know of a path when it adds a signature', async () => {
    const { backend, cache, path } = await fill({ compression: 'none' });
    const info = (await cache.queryPathInfo(path))!;
    const signature = `k:${Buffer.alloc(64, 1).toString('base64')}`;
    expect(await cache.addSignatures(path, [signature])).toBe(true);
    expect(await cache.addSignatures(path, [signature])).toBe(false);
    expect(await readText(backend, `${path.slice(0, 32)}.narinfo`)).toBe(
      formatNarInfo({ ...info, signatures: [signature] }, { storeDir: '/nix/store' }),
    );
  });

  it('writes listing and debug links beside the NAR, as Nix names them', async () => {
    const name = '623eda209c26a59b1a8638ff7752f6b945c26b';
    const contents = encodeUtf8('foo\n');
    const directory = (entry: string, node: object): object => ({
      type: 'directory',
      entries: [[entry, node]],
    });
    let tree: object = { type: 'regular', executable: false, size: 4, contents };
    for (const part of [`${name}.debug`, '02', '.build-id', 'debug', 'lib']) tree = directory(part, tree);
    const nar = await drain(writeNar(tree as Parameters<typeof writeNar>[0]));
    const from = createSampleStore();
    const path = await from.add('debug');
    const { hashBytes } = await import('../../src/hash/index.ts');
    const { info } = from.paths.get(path)!;
    from.paths.set(path, { info: { ...info, narHash: hashBytes('sha256', nar), narSize: nar.length }, nar });
    const backend = createMemoryBackend();
    const settings = { compression: 'none', writeNarListing: true, indexDebugInfo: true } as const;
    const cache = await openBinaryCacheStore(backend, { settings });
    expect((await copy(from, cache, [path])).failed).toBe(0);
    const { url } = (await cache.queryPathInfo(path))!;
    expect(await readText(backend, `debuginfo/02${name}.debug`)).toBe(
      `{"archive":"../${url}","member":"lib/debug/.build-id/02/${name}.debug"}`,
    );
    expect(await readText(backend, `${path.slice(0, 32)}.ls`)).toContain(`"${name}.debug":{`);
  });

  it('keeps build logs', async () => {
    const { cache, path } = await fill({ logCompression: 'gzip' });
    expect(await cache.queryBuildLog!(path)).toBeUndefined();
    await cache.addBuildLog!(path, encodeUtf8('made it\n'));
    expect(Buffer.from((await cache.queryBuildLog!(path))!).toString()).toBe('made it\n');
  });

  it('writes nix-cache-info with what it was told, and only for the first path', async () => {
    const { backend } = await fill({ priority: 30, wantMassQuery: true });
    expect(await readText(backend, 'nix-cache-info')).toBe('StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n');
    const untouched = createMemoryBackend();
    await openBinaryCacheStore(untouched);
    expect(await untouched.head('nix-cache-info')).toBeUndefined();
  });

  describe('that takes no file twice', () => {
    /** As a server that keeps what it has. */
    function openOnce() {
      const inner = createMemoryBackend();
      const asked: string[] = [];
      const { stage: _, ...unstaged } = inner;
      const backend: Backend = {
        ...unstaged,
        head(key) {
          asked.push(key);
          return inner.head(key);
        },
        async put(key, content, options) {
          const isThere = (await inner.head(key)) !== undefined;
          if (isThere) throw new BackendError('backend-denied', 'it is there', { uri: inner.uri, key, status: 403 });
          await inner.put(key, content, options);
        },
      };
      return { backend, inner, asked };
    }

    it.each([
      ['small', 10_000, 0, 1],
      ['large', 300_000, 1, 2],
    ])('gets a %s NAR once, and its narinfo again', async (_, bytes, askedFirst, askedInAll) => {
      const from = createSampleStore();
      const path = await from.add('sample', [], 'c'.repeat(bytes));
      const { backend, inner, asked } = openOnce();
      const cache = await openBinaryCacheStore(backend, { settings: { compression: 'none' } });
      expect(await copy(from, cache, [path])).toMatchObject({ copied: 1 });
      expect(asked).toHaveLength(askedFirst);
      await inner.delete(`${path.slice(0, 32)}.narinfo`);
      const again = await openBinaryCacheStore(backend, { settings: { compression: 'none' } });
      expect(await copy(from, again, [path])).toMatchObject({ copied: 1 });
      expect(asked).toHaveLength(askedInAll);
    });

    it('fails for a NAR that is there in another size', async () => {
      const from = createSampleStore();
      const path = await from.add('sample', [], 'contents');
      const { backend, inner } = openOnce();
      const cache = await openBinaryCacheStore(backend, { settings: { compression: 'none' } });
      await copy(from, cache, [path]);
      const { url } = (await cache.queryPathInfo(path))!;
      await inner.put(url, encodeUtf8('half'));
      await inner.delete(`${path.slice(0, 32)}.narinfo`);
      const { outcomes } = await copy(from, cache, [path]);
      expect(outcomes).toMatchObject([{ outcome: 'failed', error: { code: 'backend-denied' } }]);
    });
  });

  it('is asked once for each narinfo, when paths are copied from it', async () => {
    const { backend, path } = await fill({ compression: 'zstd' });
    let narInfos = 0;
    const get: Backend['get'] = (key, options) => {
      if (key.endsWith('.narinfo')) narInfos++;
      return backend.get(key, options);
    };
    const cache = await openBinaryCacheStore({ ...backend, get });
    for (const compression of ['zstd', 'none'] as const) {
      narInfos = 0;
      const to = await openBinaryCacheStore(createMemoryBackend(), { settings: { compression } });
      expect(await copy(cache, to, [path])).toMatchObject({ copied: 1 });
      expect(narInfos).toBe(1);
    }
  });
});
