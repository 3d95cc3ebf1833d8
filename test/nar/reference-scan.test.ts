import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createReferenceScanner } from '../../src/nar/index.ts';
import { createIndexedScanner, indexHashParts } from '../../src/nar/reference-scan.ts';
import { bytesOf } from '../fixture-trees/fixture-tree.ts';

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';
const first = 'n5wkd9frr45pa74if5gpz9j7mifg27fh';
const second = '0'.repeat(32);
const third = '100vxs724qr46phz8m24iswmg9p3785h';

/** What is found in the bytes, in chunks of these sizes. */
function scan(
  candidates: Iterable<string>,
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length || 1],
): string[] {
  const scanner = createReferenceScanner(candidates);
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    scanner.push(bytes.slice(from, from + size));
    from += size;
  }
  return [...scanner.found()].sort();
}

test('scanners over one index find each for itself', () => {
  const index = indexHashParts([first, second]);
  const [one, other] = [createIndexedScanner(index), createIndexedScanner(index)];
  one.push(bytesOf(first));
  other.push(bytesOf(`${first} ${second}`));
  expect([...one.found()]).toEqual([first]);
  expect([...other.found()]).toEqual([first, second]);
});

test('finds what is there, and nothing else', () => {
  expect(scan([first, second], bytesOf(`/nix/store/${first}-foo`))).toEqual([first]);
  expect(scan([first, second], bytesOf(`${second}${first}`))).toEqual([second, first]);
  expect(scan([first, second, third], bytesOf(`x${first}${'e'}${third}`))).toEqual([third, first].sort());
  expect(scan([first], bytesOf(first.slice(1)))).toEqual([]);
  expect(scan([first], bytesOf(first.toUpperCase()))).toEqual([]);
  expect(scan([], bytesOf(first))).toEqual([]);
  expect(scan([first], new Uint8Array(0))).toEqual([]);
});

test('finds what begins inside a longer run of digits, at each place', () => {
  for (let before = 0; before < 70; before++)
    expect(scan([first], bytesOf(`${'a'.repeat(before)}${first}zzz`)), `after ${before}`).toEqual([first]);
});

test('finds what lies across chunks, wherever they are cut', () => {
  const bytes = bytesOf(`some text e${first}- and ${third}`);
  for (let cut = 0; cut <= bytes.length; cut++)
    expect(scan([first, third], bytes, [cut || 1, 1000])).toEqual([third, first].sort());
  for (let size = 1; size < 70; size++) expect(scan([first, third], bytes, [size])).toEqual([third, first].sort());
});

test('finds what a search of the whole finds, in any chunks', () => {
  // Few letters, so that runs are long and candidates look alike.
  const arbitraryText = fc.array(fc.constantFrom('0', '1', 'z', 'e', '0'.repeat(31), first, first.slice(5), second), {
    maxLength: 40,
  });
  const arbitraryHash = fc.oneof(
    fc.constantFrom(first, second, third),
    fc.array(fc.constantFrom('0', '1', 'z'), { minLength: 32, maxLength: 32 }).map((digits) => digits.join('')),
  );
  const arbitrarySizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(arbitraryText, fc.uniqueArray(arbitraryHash), arbitrarySizes, (parts, candidates, sizes) => {
      const text = parts.join('');
      const expected = candidates.filter((candidate) => text.includes(candidate)).sort();
      expect(scan(candidates, bytesOf(text), sizes)).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
});

test('takes bytes that are no text', () => {
  const bytes = new Uint8Array(100_000);
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 7919) >> 3;
  bytes.set(bytesOf(third), 77_777);
  expect(scan([first, third], bytes, [4096])).toEqual([third]);
});

test('finds one of many', () => {
  const candidates = Array.from({ length: 20_000 }, (_, index) =>
    Array.from({ length: 32 }, (_, digit) => alphabet[(index * (digit + 7) + digit * digit + (index >> 5)) % 32]).join(
      '',
    ),
  );
  const wanted = [candidates[5]!, candidates[19_999]!];
  expect(scan(candidates, bytesOf(`..${wanted.join('.')}..`), [33])).toEqual([...new Set(wanted)].sort());
});

describe('what is no hash part is misuse', () => {
  test.each([
    '',
    first.slice(1),
    `${first}0`,
    first.replace('n', 'e'),
    first.replace('n', 'N'),
    first.replace('n', '\u0130'),
    `/nix/store/${first}`,
  ])('%j', (candidate) => {
    expect(() => createReferenceScanner([candidate])).toThrow(TypeError);
  });
});
