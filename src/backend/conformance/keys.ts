/**
 * Keys: every legal kind is an object of its own, every illegal one is refused.
 *
 * @module
 */
import {
  assert,
  assertAbsent,
  assertBytes,
  bytesAt,
  type ConformanceCase,
  defineCase,
  failureOf,
  keysListed,
} from './case.ts';
import { textBytes } from './sample.ts';

const legalNames = [
  '09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5.narinfo',
  'nar/1b4sb93wp679q4zx9k1ignby1yna3z7c4c2ri3wphylbc2dwsys0.nar.zst',
  'debuginfo/02623eda209c26a59b1a8638ff7752f6b945c26b.debug',
  'log/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-gtk+-3.24_rc.1?=.drv',
  'realisations/sha256:0123456789abcdef!out.doi',
  'a/b/c/d/e/f/g',
  'UPPER and lower',
  'upper and lower',
  '.hidden/..two/three...',
  `percent%41%2F%00/plus+and&equals=/question?mark#hash`,
  `semi;comma,at@dollar$tilde~caret^(round)[square]{curly}'quote`,
  'Grüße/日本語/🦊',
  'x'.repeat(200),
];

const illegalKeys = [
  '',
  '/',
  '/absolute',
  'end/',
  'a//b',
  '.',
  '..',
  '../up',
  'a/../b',
  'a/./b',
  'a/..',
  'nul\0',
  'line\nfeed',
  '\ud800',
];

export const keyCases: readonly ConformanceCase[] = [
  defineCase('keeps objects of every legal kind of key apart', async (bench) => {
    const { backend, prefix, key } = bench;
    for (const name of legalNames) await backend.put(key(name), textBytes(`at ${name}`));
    for (const name of legalNames)
      assertBytes(await bytesAt(backend, key(name)), textBytes(`at ${name}`), `the object at '${name}'`);
    if (backend.list !== undefined) {
      const listed = (await keysListed(backend, prefix)).sort();
      const expected = legalNames.map(key).sort();
      assert(listed.join('\n') === expected.join('\n'), `list shows ${listed.join(', ')}, not ${expected.join(', ')}`);
    }
    for (const name of legalNames) await backend.delete(key(name));
    for (const name of legalNames) await assertAbsent(bench, key(name), 'after it was deleted');
  }),

  defineCase('does not take the beginning of a key for the key', async (bench) => {
    const { backend, key } = bench;
    await backend.put(key('folder/object'), textBytes('there'));
    await assertAbsent(bench, key('folder'), 'of the folder that an object is in');
    await assertAbsent(bench, key('folder/obj'), 'of the beginning of a key');
    await assertAbsent(bench, key('folder/object/under'), 'of a key under an object');
    await backend.delete(key('folder/obj'));
    await backend.delete(key('folder/object/under'));
    assertBytes(await bytesAt(backend, key('folder/object')), textBytes('there'), 'the object');
  }),

  defineCase('refuses illegal keys with a TypeError in every method', async ({ backend, key }) => {
    for (const illegal of illegalKeys) {
      const calls: Record<string, () => Promise<unknown>> = {
        get: async () => backend.get(illegal),
        head: async () => backend.head(illegal),
        put: async () => backend.put(illegal, textBytes('illegal')),
        delete: async () => backend.delete(illegal),
      };
      for (const [method, call] of Object.entries(calls)) {
        const what = `${method}(${JSON.stringify(illegal)})`;
        const error = await failureOf(call, what);
        assert(error instanceof TypeError, `${what} rejects with ${error}, not a TypeError`);
      }
    }
    await backend.put(key('legal'), textBytes('legal'));
  }),
];
