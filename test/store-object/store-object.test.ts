/** Looking into store paths: the short way over a listing and a range, the long one over the NAR, and listings that lie. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Backend, type ByteRange, createMemoryBackend } from '../../src/backend/index.ts';
import { type BinaryCacheSettings, type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { concatBytes, encodeUtf8 } from '../../src/bytes/index.ts';
import { copy } from '../../src/copy/index.ts';
import { hashBytes } from '../../src/hash/index.ts';
import {
  decodeFileName,
  formatNarListing,
  listNar,
  type NarListing,
  type NarListingRegular,
  writeNar,
} from '../../src/nar/index.ts';
import { narListingKey } from '../../src/narinfo/index.ts';
import { generateSecretKey } from '../../src/signing/index.ts';
import { openStoreObject, type StoreObjectOptions } from '../../src/store-object/index.ts';
import { createSampleStore, type SampleStore, samplePath } from '../copy/sample-store.ts';
import {
  arbitraryTree,
  collect,
  directory,
  type FixtureTree,
  file,
  patternBytes,
  symlink,
  toNarNode,
} from '../fixture-trees/fixture-tree.ts';

const path = samplePath('sample');
const big = patternBytes(3_000_000);
const tree = directory([
  ['bin', directory({ hello: file('#!/bin/sh\n', true), link: symlink('hello'), up: symlink('..') })],
  ['big', file(big)],
  ['empty', file('')],
  [Uint8Array.of(0xff, 0x61), file('no UTF-8')],
  ['z', file('the last one')],
]);
/** A listing in JSON cannot hold the name that is not UTF-8. */
const plain = directory((tree as FixtureTree & { type: 'directory' }).entries.filter(([name]) => name[0] !== 0xff));

interface Cache {
  readonly cache: BinaryCacheStore;
  readonly backend: Backend;
  /** What was asked for, and how many bytes came. */
  readonly requests: { readonly key: string; readonly range: ByteRange | undefined; bytes: number }[];
  readonly warnings: string[];
  readonly nar: Uint8Array;
  open(options?: StoreObjectOptions): ReturnType<typeof openStoreObject>;
}

async function storeOf(nar: Uint8Array): Promise<SampleStore> {
  const store = createSampleStore();
  const info = { path, narHash: hashBytes('sha256', nar), narSize: nar.length, references: [], signatures: [] };
  store.paths.set(path, { info, nar });
  return store;
}

async function fill(from: FixtureTree, settings: BinaryCacheSettings): Promise<Cache> {
  const nar = await collect(writeNar(toNarNode(from)));
  const inner = createMemoryBackend();
  const requests: Cache['requests'] = [];
  const backend: Backend = {
    ...inner,
    async get(key, options = {}) {
      const object = await inner.get(key, options);
      const request = { key, range: options.range, bytes: 0 };
      requests.push(request);
      async function* counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const chunk of body) {
          request.bytes += chunk.length;
          yield chunk;
        }
      }
      return object && { ...object, body: counted(object.body) };
    },
  };
  const cache = await openBinaryCacheStore(backend, { settings: { writeNarListing: true, ...settings } });
  expect(await copy(await storeOf(nar), cache, [path])).toMatchObject({ copied: 1 });
  requests.length = 0;
  const warnings: string[] = [];
  const onWarning = (message: string): void => {
    warnings.push(message);
  };
  const open: Cache['open'] = (options) => openStoreObject(cache, path, { onWarning, ...options });
  return { cache, backend, requests, warnings, nar, open };
}

const text = async (source: AsyncIterable<Uint8Array>): Promise<string> => (await collect(source)).toString();

describe.each(['none', 'zstd', 'xz'] as const)('a cache with compression %s', (compression) => {
  test.each([true, false])('gives what is in a path, unchecked: %s', async (unchecked) => {
    const { open, nar, warnings } = await fill(plain, { compression });
    const object = await open({ unchecked });
    const listing = formatNarListing(await object.list());
    expect(listing).toBe(
      formatNarListing(
        await listNar(
          (async function* () {
            yield nar;
          })(),
        ),
      ),
    );
    expect(await text(object.readFile('bin/hello'))).toBe('#!/bin/sh\n');
    expect((await collect(object.readFile('/big'))).equals(big)).toBe(true);
    expect(await text(object.readFile('empty'))).toBe('');
    expect(await text(object.readFile('bin/../z'))).toBe('the last one');
    for (const [name, code] of [
      ['nope', 'nar-path-absent'],
      ['bin/link', 'nar-path-type'],
      ['bin', 'nar-path-type'],
      ['', 'nar-path-type'],
      ['bin/up/bin/up/z', 'nar-path-absent'],
    ] as const)
      await expect(collect(object.readFile(name))).rejects.toMatchObject({ code });
    expect(warnings).toEqual([]);
  });

  test('without a listing, the NAR is read', async () => {
    const { open, warnings } = await fill(plain, { compression, writeNarListing: false });
    const object = await open({ unchecked: true });
    expect((await object.list()).type).toBe('directory');
    expect(await text(object.readFile('z'))).toBe('the last one');
    expect(warnings).toEqual([]);
  });

  test('names that are no UTF-8 come out of the NAR', async () => {
    const { open } = await fill(tree, { compression, writeNarListing: false });
    const object = await open({ unchecked: true });
    expect([...((await object.list()) as NarListing & { type: 'directory' }).entries.keys()]).toContain('\udcffa');
    expect(await text(object.readFile('\udcffa'))).toBe('no UTF-8');
  });

  test('a NAR that is another is found out, unless it is not to be', async () => {
    const { open, backend, cache, nar } = await fill(plain, { compression });
    const { url } = (await cache.queryPathInfo(path))!;
    const other = concatBytes([nar]);
    other[2_000_000]! ^= 1;
    const { findCodec } = await import('../../src/compression/index.ts');
    const packed = findCodec(compression).compress(
      (async function* () {
        yield other;
      })(),
    );
    await backend.put(url, concatBytes([await collect(packed)]));
    const checked = await open();
    await expect(checked.list()).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) });
    await expect(collect(checked.readFile('bin/hello'))).rejects.toMatchObject({
      name: expect.stringMatching(/Error$/),
    });
    expect(await text((await open({ unchecked: true })).readFile('bin/hello'))).toBe('#!/bin/sh\n');
  });
});

describe('a file by a range', () => {
  test('takes one request, and a few bytes more than the file', async () => {
    const { open, requests } = await fill(plain, { compression: 'none' });
    const object = await open({ unchecked: true });
    expect(requests.map(({ key }) => key)).toEqual([expect.stringContaining('.narinfo')]);
    await object.list();
    requests.length = 0;
    for (const [name, size] of [
      ['z', 12],
      ['bin/hello', 10],
      ['big', big.length],
    ] as const) {
      await collect(object.readFile(name));
      expect(requests).toHaveLength(1);
      const { range, bytes } = requests.pop()!;
      expect(range).toBeDefined();
      expect(bytes).toBeGreaterThanOrEqual(size);
      expect(bytes).toBeLessThan(size + 300);
    }
  });

  test('of a path that is a file', async () => {
    const { open, requests, warnings } = await fill(file('all of it', true), { compression: 'none' });
    expect(await text((await open({ unchecked: true })).readFile('/'))).toBe('all of it');
    expect(requests.at(-1)!.range).toMatchObject({ offset: 0 });
    expect(warnings).toEqual([]);
  });

  test('is not asked for where the answer is to be checked', async () => {
    const { open, requests } = await fill(plain, { compression: 'none' });
    await collect((await open()).readFile('z'));
    expect(requests.map(({ key, range }) => [key.split('.').at(-1), range])).toEqual([
      ['narinfo', undefined],
      ['nar', undefined],
    ]);
  });

  test('that ends in the middle is an error', async () => {
    const { open, backend, cache, nar } = await fill(plain, { compression: 'none' });
    const { url } = (await cache.queryPathInfo(path))!;
    const broken = concatBytes([nar]);
    // What follows the contents of the last file: padding, and the ends of two nodes.
    broken[nar.length - 40] = 1;
    await backend.put(url, broken);
    await expect(collect((await open({ unchecked: true })).readFile('z'))).rejects.toMatchObject({
      code: 'listing-mismatch',
      message: expect.stringContaining("does not end the file '/z' where its listing says"),
    });
  });

  test('stops with its reader', async () => {
    const { open, requests } = await fill(plain, { compression: 'none' });
    for await (const _ of (await open({ unchecked: true })).readFile('big')) break;
    expect(requests.at(-1)!.bytes).toBeLessThanOrEqual(big.length);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(collect((await open({ unchecked: true })).readFile('big', { signal }))).rejects.toThrow('enough');
  });
});

describe('a listing that lies', () => {
  const entry = (node: object): object => ({ version: 1, root: { type: 'directory', entries: { z: node } } });
  const nested = (levels: number): string =>
    `${'{"type":"directory","entries":{"d":'.repeat(levels)}{}${'}}'.repeat(levels)}`;
  const truth = { type: 'regular', size: 12, narOffset: 0 };

  test.each<[string, (narOffset: number) => object | string]>([
    ['an offset that is too small', (narOffset) => entry({ ...truth, narOffset: narOffset - 8 })],
    ['an offset that is too large', (narOffset) => entry({ ...truth, narOffset: narOffset + 8 })],
    ['an offset behind the NAR', () => entry({ ...truth, narOffset: 2 ** 50 })],
    ['the first offset', () => entry({ ...truth, narOffset: 1 })],
    ['a size that is too large', (narOffset) => entry({ ...truth, narOffset, size: 13 })],
    ['a size that is too small', (narOffset) => entry({ ...truth, narOffset, size: 3 })],
    ['a size behind the NAR', (narOffset) => entry({ ...truth, narOffset, size: 2 ** 52 })],
    ['a mode', (narOffset) => entry({ ...truth, narOffset, executable: true })],
    ['no number', (narOffset) => entry({ ...truth, narOffset: `${narOffset}` })],
    ['a negative size', (narOffset) => entry({ ...truth, narOffset, size: -1 })],
    ['no JSON', () => '{'],
    ['no listing', () => '[]'],
    ['another version', () => ({ version: 2, root: {} })],
    ['names that lead out', () => ({ version: 1, root: { type: 'directory', entries: { '../z': truth } } })],
    ['too many levels', () => nested(100)],
    ['a hundred thousand levels', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['more than this NAR could have', () => `${' '.repeat(300_000)}{}`],
  ])('%s: the NAR is read, and a line says so', async (_name, lie) => {
    const small = directory({ a: file('first'), z: file('the last one') });
    const { open, backend, requests, warnings } = await fill(small, { compression: 'none' });
    const before = await (await open()).list();
    const node = before.type === 'directory' ? before.entries.get('z') : undefined;
    const listing = lie((node as { narOffset: number }).narOffset);
    await backend.put(narListingKey(path), encodeUtf8(typeof listing === 'string' ? listing : JSON.stringify(listing)));
    requests.length = 0;
    expect(await text((await open({ unchecked: true })).readFile('z'))).toBe('the last one');
    expect(warnings).toEqual([expect.stringContaining(`the listing '${narListingKey(path)}' of 'memory:`)]);
    expect(warnings[0]!.length).toBeLessThan(500);
    expect(await text((await open()).readFile('z'))).toBe('the last one');
    expect(warnings).toHaveLength(1);
  });

  test('of another file with the same size: the name gives it away', async () => {
    const { open, backend, warnings } = await fill(directory({ a: file('1'), b: file('2') }), { compression: 'none' });
    const listing = (await (await open()).list()) as NarListing & { type: 'directory' };
    const swapped = new Map([['b', listing.entries.get('a')!]]);
    await backend.put(narListingKey(path), encodeUtf8(formatNarListing({ type: 'directory', entries: swapped })));
    expect(await text((await open({ unchecked: true })).readFile('b'))).toBe('2');
    expect(warnings).toEqual([expect.stringContaining("there is no such file at '/b'")]);
  });

  test('of what is not there is believed only unchecked', async () => {
    const { open, backend } = await fill(plain, { compression: 'none' });
    await backend.put(narListingKey(path), encodeUtf8('{"root":{"entries":{},"type":"directory"},"version":1}'));
    await expect(collect((await open({ unchecked: true })).readFile('z'))).rejects.toMatchObject({
      code: 'nar-path-absent',
    });
    expect(await text((await open()).readFile('z'))).toBe('the last one');
  });

  test('and a NAR that is too short: nothing comes out', async () => {
    const { open, backend, cache, nar } = await fill(plain, { compression: 'none' });
    const { url } = (await cache.queryPathInfo(path))!;
    await backend.put(url, nar.slice(0, 1000));
    await expect(collect((await open({ unchecked: true })).readFile('z'))).rejects.toMatchObject({
      name: expect.stringMatching(/Error$/),
    });
    await backend.delete(url);
    await expect(collect((await open({ unchecked: true })).readFile('z'))).rejects.toMatchObject({
      code: 'nar-absent',
    });
  });
});

/** Each regular file with its path, as text. */
function* filesOf(from: FixtureTree, at = ''): Generator<readonly [path: string, contents: Uint8Array]> {
  if (from.type === 'regular') yield [at, from.contents];
  if (from.type !== 'directory') return;
  for (const [name, child] of from.entries)
    yield* filesOf(child, at === '' ? decodeFileName(name) : `${at}/${decodeFileName(name)}`);
}

function* regularsOf(listing: NarListing): Generator<NarListingRegular> {
  if (listing.type === 'regular') yield listing;
  if (listing.type === 'directory') for (const child of listing.entries.values()) yield* regularsOf(child);
}

/** The listing with the places of its files dealt out anew. */
function shuffled(listing: NarListing, places: NarListingRegular[]): NarListing {
  if (listing.type === 'regular') return places.pop()!;
  if (listing.type === 'symlink') return listing;
  return {
    type: 'directory',
    entries: new Map([...listing.entries].map(([name, child]) => [name, shuffled(child, places)])),
  };
}

describe('any tree', () => {
  test('gives each of its files, by ranges where its listing can be written', async () => {
    const property = fc.asyncProperty(arbitraryTree, async (any) => {
      const { open, warnings } = await fill(any, { compression: 'none' });
      const object = await open({ unchecked: true });
      for (const [name, contents] of filesOf(any))
        expect((await collect(object.readFile(name))).equals(contents)).toBe(true);
      expect(warnings).toEqual([]);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('with a listing that is in disorder, gives a file of the name that was asked for, or the very file', async () => {
    const property = fc.asyncProperty(arbitraryTree, fc.infiniteStream(fc.nat()), async (any, order) => {
      const { open, backend } = await fill(any, { compression: 'none' });
      const truth = await (await open()).list();
      const places = [...regularsOf(truth)]
        .map((place) => ({ place, rank: order.next().value as number }))
        .sort((left, right) => left.rank - right.rank)
        .map(({ place }) => place);
      let text: string;
      try {
        text = formatNarListing(shuffled(truth, places));
      } catch {
        return; // a name that JSON cannot hold
      }
      await backend.put(narListingKey(path), encodeUtf8(text));
      const files = [...filesOf(any)];
      const lastName = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
      for (const [name] of files) {
        const got = await collect((await open({ unchecked: true })).readFile(name));
        const namesakes = files.filter(([other]) => lastName(other) === lastName(name));
        expect(namesakes.some(([, contents]) => got.equals(contents))).toBe(true);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('other stores', () => {
  test('are read through their NARs', async () => {
    const nar = await collect(writeNar(toNarNode(tree)));
    const store = await storeOf(nar);
    for (const unchecked of [true, false]) {
      const object = await openStoreObject(store, path, { unchecked });
      expect(await text(object.readFile('z'))).toBe('the last one');
      expect(await object.list()).toMatchObject({ type: 'directory' });
    }
    store.paths.get(path)!.nar = await collect(writeNar(toNarNode(plain)));
    const object = await openStoreObject(store, path);
    await expect(collect(object.readFile('z'))).rejects.toMatchObject({ code: 'nar-mismatch' });
    await expect(object.list()).rejects.toMatchObject({ code: 'nar-mismatch' });
  });
});

test('who gives up does not spoil it for others', async () => {
  const { open } = await fill(plain, { compression: 'none' });
  for (const unchecked of [true, false]) {
    const object = await open({ unchecked });
    const stop = new AbortController();
    const [given, kept] = [object.list({ signal: stop.signal }), object.list()];
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    expect(await kept).toMatchObject({ type: 'directory' });
    expect(await object.list()).toBe(await object.list());
  }
});

describe('whom to believe', () => {
  test('a path that no trusted key signed is refused', async () => {
    const { cache, open } = await fill(plain, { compression: 'none' });
    const [mine, other] = [generateSecretKey('mine-1'), generateSecretKey('other-1')];
    const trustedPublicKeys = [mine.publicKey];
    await expect(open({ trustedPublicKeys })).rejects.toMatchObject({ code: 'path-untrusted' });
    const { signPathInfo } = await import('../../src/signing/index.ts');
    const info = (await cache.queryPathInfo(path))!;
    await cache.addSignatures(path, [signPathInfo(info, other)]);
    await expect(open({ trustedPublicKeys })).rejects.toMatchObject({ code: 'path-untrusted' });
    await cache.addSignatures(path, [signPathInfo(info, mine)]);
    expect(await text((await open({ trustedPublicKeys })).readFile('z'))).toBe('the last one');
  });

  test('a path that is not there', async () => {
    const { cache } = await fill(plain, { compression: 'none' });
    await expect(openStoreObject(cache, samplePath('absent'))).rejects.toMatchObject({ code: 'path-absent' });
  });
});
