import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes, concatBytes, decodeUtf8, encodeUtf8, equalBytes } from '../../src/bytes/index.ts';

const bytes = fc.uint8Array({ maxLength: 8 });

test('bytes are ordered and compared as Buffer does it', () => {
  fc.assert(
    fc.property(bytes, bytes, (left, right) => {
      expect(Math.sign(compareBytes(left, right))).toBe(Buffer.compare(left, right));
      expect(equalBytes(left, right)).toBe(Buffer.compare(left, right) === 0);
      expect(compareBytes(left, left)).toBe(0);
    }),
  );
});

test('a byte above 127 sorts last, the shorter first', () => {
  const sorted = [[], [0], [0, 0], [0x7f], [0x80], [0xff]].map((list) => Uint8Array.from(list));
  expect(sorted.toReversed().sort(compareBytes)).toEqual(sorted);
});

test('joined bytes are in memory of their own', () => {
  fc.assert(
    fc.property(fc.array(bytes), (chunks) => {
      expect(concatBytes(chunks)).toEqual(new Uint8Array(chunks.flatMap((chunk) => [...chunk])));
    }),
  );
  const chunk = Uint8Array.of(1, 2);
  const joined = concatBytes([chunk]);
  chunk.fill(0);
  expect(joined).toEqual(Uint8Array.of(1, 2));
});

test('UTF-8, a byte order mark too', () => {
  for (const text of ['', 'ünïcode 🦀', '\ufeffmark', '\0']) expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  for (const broken of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
    expect(() => decodeUtf8(Uint8Array.from(broken))).toThrow(TypeError);
});
