import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createContents } from '../../bench/fixtures/contents.ts';

it('is the same on every machine', () => {
  const next = createContents(1);
  const hash = createHash('sha256').update(next(100_000)).update(next(1));
  expect(hash.digest('hex')).toBe('505a96580830ca36f9a096fa509b12cd8ba68d6488714d898d854ff9ae21b213');
});

it('is another for another seed, and never again the same', () => {
  const next = createContents(1);
  const texts = [next(1000), next(1000), createContents(2)(1000)].map((bytes) => Buffer.from(bytes).toString('hex'));
  expect(new Set(texts).size).toBe(3);
});

it('compresses about as programs do', () => {
  const contents = createContents(1)(2_000_000);
  const ratio = contents.length / deflateRawSync(contents).length;
  expect(ratio).toBeGreaterThan(2);
  expect(ratio).toBeLessThan(3.5);
});

it('has exactly the length that is asked for', () => {
  const next = createContents(1);
  for (const length of [0, 1, 59_999, 70_000]) expect(next(length)).toHaveLength(length);
});
