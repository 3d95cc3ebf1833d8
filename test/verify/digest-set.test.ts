import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashBytes } from '../../src/hash/index.ts';
import { createDigestSet } from '../../src/verify/digest-set.ts';

const digest = fc.uint8Array({ minLength: 20, maxLength: 32 });
/** Few that differ, so that the same come again. */
const similar = fc.integer({ min: 0, max: 40 }).map((last) => new Uint8Array(20).fill(0).with(19, last));
const text = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 20)).toString('hex');

test('it is a set', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(digest, similar)), fc.array(fc.oneof(digest, similar)), (added, asked) => {
      const set = createDigestSet();
      const model = new Set<string>();
      for (const bytes of added) {
        set.add(bytes);
        model.add(text(bytes));
      }
      expect(set.size).toBe(model.size);
      for (const bytes of [...added, ...asked]) expect(set.has(bytes)).toBe(model.has(text(bytes)));
      expect([...set].map(text).sort()).toEqual([...model].sort());
    }),
  );
});

test('it grows', () => {
  const set = createDigestSet();
  const digests = Array.from(
    { length: 20_000 },
    (_, index) => hashBytes('sha256', Uint8Array.of(index, index >> 8)).digest,
  );
  for (const bytes of digests) set.add(bytes);
  expect(set.size).toBe(20_000);
  expect(digests.every((bytes) => set.has(bytes))).toBe(true);
  expect(set.has(hashBytes('sha256', new Uint8Array(3)).digest)).toBe(false);
  expect(new Set([...set].map(text)).size).toBe(20_000);
});

test('a Buffer is as good', () => {
  const bytes = Buffer.from('0123456789'.repeat(4)).subarray(3, 35);
  const set = createDigestSet();
  set.add(bytes);
  expect(set.has(new Uint8Array(bytes))).toBe(true);
});

test('what is no digest is refused', () => {
  expect(() => createDigestSet().add(new Uint8Array(19))).toThrow(RangeError);
});
