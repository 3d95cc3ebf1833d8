import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase16, EncodingError, encodeBase16 } from '../../src/hash/index.ts';

describe('base16', () => {
  test('any bytes come back, and agree with Buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(encodeBase16(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(decodeBase16(encodeBase16(bytes))).toEqual(bytes);
        expect(decodeBase16(encodeBase16(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  test.each(['0', 'abc', '0g', '-1', '+1', ' 1', '0x', '1.', '١١'])('refuses %j', (text) => {
    expect(() => decodeBase16(text)).toThrow(EncodingError);
  });
});
