/**
 * Objects: put, there, replaced, gone.
 *
 * @module
 */
import {
  assert,
  assertAbsent,
  assertBytes,
  assertSame,
  bytesAt,
  type ConformanceCase,
  defineCase,
  mustGet,
} from './case.ts';
import { sampleBytes, sampleContent, textBytes } from './sample.ts';

/** A gzip member with the 20 bytes `StorePath: conforms\n`. */
const gzipped = Uint8Array.from(
  '1f8b08000000000002030b2ec92f4a0d482cc9b05248cecf4bcb2fca2de6020026429d5f14000000'.match(/../g)!,
  (pair) => Number.parseInt(pair, 16),
);
const gunzipped = textBytes('StorePath: conforms\n');

export const objectCases: readonly ConformanceCase[] = [
  defineCase('says undefined for what is not there, and deletes it without error', async (bench) => {
    const key = bench.key('absent');
    await assertAbsent(bench, key, 'of a key that nobody put');
    await bench.backend.delete(key);
    await assertAbsent(bench, bench.key('no/such/place'), 'of a key in a place that nobody made');
    await bench.backend.delete(bench.key('no/such/place'));
  }),

  defineCase('gives back what was put, from bytes and from content', async ({ backend, key }) => {
    await backend.put(key('bytes'), sampleBytes(0, 1000));
    await backend.put(key('content'), sampleContent(1000, 77));
    for (const name of ['bytes', 'content']) {
      const object = await mustGet(backend, key(name));
      assertSame(object.key, key(name), 'the key of the object');
      assert(object.size === 1000 || object.size === undefined, `the size of the object is ${object.size}, not 1000`);
      let received = 0;
      for await (const chunk of object.body) {
        assertBytes(chunk, sampleBytes(received, received + chunk.length), `the chunk at ${received}`);
        received += chunk.length;
      }
      assertSame(received, 1000, 'the length of the body');
      const head = await backend.head(key(name));
      assert(head !== undefined, `head('${key(name)}') is undefined, and the object is there`);
      assert(head.size === 1000 || head.size === undefined, `the size that head says is ${head.size}, not 1000`);
    }
  }),

  defineCase('keeps empty objects apart from absent ones', async ({ backend, key }) => {
    await backend.put(key('bytes'), new Uint8Array(0));
    await backend.put(key('content'), sampleContent(0));
    for (const name of ['bytes', 'content']) {
      assertSame((await bytesAt(backend, key(name))).length, 0, 'the length of an empty object');
      const head = await backend.head(key(name));
      assert(head !== undefined, 'head says that an empty object is absent');
      assert(head.size === 0 || head.size === undefined, `the size of an empty object is ${head.size}`);
    }
  }),

  defineCase('replaces an object in whole, by a shorter and by a longer one', async ({ backend, key }) => {
    for (const size of [500, 100, 900]) {
      await backend.put(key('object'), sampleBytes(size, 2 * size));
      assertBytes(await bytesAt(backend, key('object')), sampleBytes(size, 2 * size), `the object of ${size} bytes`);
    }
  }),

  defineCase('forgets what was deleted, and nothing else', async (bench) => {
    const { backend, key } = bench;
    await backend.put(key('folder/one'), textBytes('one'));
    await backend.put(key('folder/one-more'), textBytes('one more'));
    await backend.delete(key('folder/one'));
    await assertAbsent(bench, key('folder/one'), 'after it was deleted');
    assertBytes(await bytesAt(backend, key('folder/one-more')), textBytes('one more'), 'the neighbour');
    await backend.delete(key('folder/one'));
    await backend.put(key('folder/one'), textBytes('again'));
    assertBytes(await bytesAt(backend, key('folder/one')), textBytes('again'), 'the object that was put again');
  }),

  defineCase('keeps every byte, whatever the content type', async ({ backend, key }) => {
    const bytes = Uint8Array.from([
      ...sampleBytes(0, 600),
      ...Array(256).keys(),
      13,
      10,
      10,
      13,
      0,
      26,
      0xef,
      0xbb,
      0xbf,
    ]);
    const contentTypes = [
      undefined,
      'text/x-nix-narinfo',
      'text/plain; charset=utf-8',
      'application/json',
      'application/x-nix-nar',
    ];
    for (const [index, contentType] of contentTypes.entries()) {
      await backend.put(key(`object-${index}`), bytes, { contentType });
      assertBytes(await bytesAt(backend, key(`object-${index}`)), bytes, `the object put as ${contentType}`);
    }
  }),

  defineCase('keeps, undoes or refuses a content encoding, and does not corrupt what has one', async (bench) => {
    const { backend, key } = bench;
    try {
      await backend.put(key('encoded'), gzipped, { contentEncoding: 'gzip', contentType: 'text/x-nix-narinfo' });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return assertAbsent(bench, key('encoded'), 'after its content encoding was refused');
    }
    const object = await mustGet(backend, key('encoded'));
    const bytes = await bytesAt(backend, key('encoded'));
    const decoded = object.contentEncoding === undefined && bytes[0] !== gzipped[0];
    assertBytes(bytes, decoded ? gunzipped : gzipped, 'the object put with a content encoding');
    assert(
      object.size === undefined || object.size === bytes.length,
      `the size is ${object.size}, and the body has ${bytes.length} bytes`,
    );
  }),

  defineCase('serves many at once', async ({ backend, key }) => {
    const numbers = [...Array(100).keys()];
    const bytesOf = (number: number): Uint8Array => sampleBytes(number, number * 101);
    await Promise.all(numbers.slice(1).map((number) => backend.put(key(`many/${number}`), bytesOf(number))));
    await Promise.all(
      numbers.slice(1).map(async (number) => {
        assertBytes(await bytesAt(backend, key(`many/${number}`)), bytesOf(number), `object ${number}`);
      }),
    );
    await Promise.all(numbers.map((number) => backend.delete(key(`many/${number}`))));
    const heads = await Promise.all(numbers.map((number) => backend.head(key(`many/${number}`))));
    assert(
      heads.every((head) => head === undefined),
      'an object that was deleted beside many others is still there',
    );
  }),

  defineCase('lets one win in whole when many put the same key', async ({ backend, key }) => {
    const size = 100_000;
    const writers = [...Array(10).keys()];
    const bytesOf = (writer: number): Uint8Array => new Uint8Array(size + writer).fill(writer);
    await Promise.all(writers.map((writer) => backend.put(key('contested'), bytesOf(writer))));
    const bytes = await bytesAt(backend, key('contested'));
    assertBytes(bytes, bytesOf(bytes[0]!), 'the object that many put');
  }),

  defineCase('leaves the bytes of caller and reader to them', async ({ backend, key }) => {
    const mine = sampleBytes(0, 1000);
    await backend.put(key('object'), mine);
    assertBytes(mine, sampleBytes(0, 1000), 'what the caller put');
    mine.fill(0);
    for await (const chunk of (await mustGet(backend, key('object'))).body) chunk.fill(0);
    assertBytes(
      await bytesAt(backend, key('object')),
      sampleBytes(0, 1000),
      'the object after others wrote over theirs',
    );
  }),
];
