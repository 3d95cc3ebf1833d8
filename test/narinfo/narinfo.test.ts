import { expect, test } from 'vitest';
import { hashBytes } from '../../src/hash/index.ts';
import { narInfoKey, narKey, narListingKey } from '../../src/narinfo/index.ts';
import { sampleNarInfo } from './sample.ts';

test('where the files of a path lie', () => {
  expect(narInfoKey(sampleNarInfo.path)).toBe('n5wkd9frr45pa74if5gpz9j7mifg27fh.narinfo');
  expect(narListingKey(sampleNarInfo.path)).toBe('n5wkd9frr45pa74if5gpz9j7mifg27fh.ls');
});

test.each([
  ['xz', '.xz'],
  ['bzip2', '.bz2'],
  ['zstd', '.zst'],
  ['lzip', '.lzip'],
  ['lz4', '.lz4'],
  ['br', '.br'],
  ['none', ''],
  ['gzip', ''],
  ['toString', ''],
])('the NAR that %s compressed ends in .nar%s', (compression, suffix) => {
  const key = narKey(hashBytes('sha256', new Uint8Array()), compression);
  expect(key).toBe(`nar/0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73.nar${suffix}`);
});
