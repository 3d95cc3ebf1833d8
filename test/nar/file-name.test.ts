import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFileName, encodeFileName, isUtf8FileName } from '../../src/nar/index.ts';
import { bytesOf } from '../fixture-trees/fixture-tree.ts';

test.each(['', 'hello', 'ä', '\u{1f600}', '\ufeffa', '\ud7ff\ue000'])('UTF-8 is what it says: %j', (text) => {
  expect(decodeFileName(bytesOf(text))).toBe(text);
  expect(encodeFileName(text)).toEqual(bytesOf(text));
  expect(isUtf8FileName(text)).toBe(true);
});

test.each([
  ['a byte that UTF-8 never has', [0x61, 0xff, 0x62], 'a\udcffb'],
  ['a sequence cut short', [0xe2, 0x82], '\udce2\udc82'],
  ['a sequence cut short by text', [0xe2, 0x82, 0x61], '\udce2\udc82a'],
  ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['an encoded surrogate', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
  ['text of many bytes beside', [0xff, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa4], '\udcff\u{1f600}ä'],
])('bytes that are not UTF-8 become lone surrogates: %s', (_, bytes, text) => {
  expect(decodeFileName(Uint8Array.from(bytes))).toBe(text);
  expect(encodeFileName(text)).toEqual(Uint8Array.from(bytes));
  expect(isUtf8FileName(text)).toBe(false);
});

test('what is UTF-8 is decoded as TextDecoder does, what is not is escaped', () => {
  const near = [
    0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
  ];
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const sequences = near.flatMap((first) =>
    near.flatMap((second) => [[first, second], ...near.map((third) => [first, second, third, 0xbf])]),
  );
  for (const sequence of sequences) {
    const bytes = Uint8Array.from(sequence);
    let expected: string | undefined;
    try {
      expected = decoder.decode(bytes);
    } catch {}
    const text = decodeFileName(bytes);
    expect(isUtf8FileName(text)).toBe(expected !== undefined);
    if (expected !== undefined) expect(text).toBe(expected);
    expect(encodeFileName(text)).toEqual(bytes);
  }
});

test('any bytes come back', () => {
  const bytesNearUtf8 = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((text) => [...bytesOf(text)]),
      fc.integer({ min: 0, max: 255 }).map((byte) => [byte]),
    ),
  );
  fc.assert(
    fc.property(bytesNearUtf8, (parts) => {
      const bytes = Uint8Array.from(parts.flat());
      expect(encodeFileName(decodeFileName(bytes))).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

describe('a lone surrogate that stands for no byte is misuse', () => {
  test.each(['\ud800', '\udc7f', '\udd00', 'a\udfff'])('%j', (text) => {
    expect(() => encodeFileName(text)).toThrow(TypeError);
  });
});
