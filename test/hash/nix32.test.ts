import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { decodeNix32, EncodingError, encodeNix32, hashBytes, nix32Length } from '../../src/hash/index.ts';

describe('nix32', () => {
  test('known answers', () => {
    expect(encodeNix32(new Uint8Array())).toBe('');
    expect(encodeNix32(Uint8Array.of(0x1f))).toBe('0z');
    expect(encodeNix32(Uint8Array.of(0xff))).toBe('7z');
    expect(encodeNix32(hashBytes('sha256', encodeUtf8('abc')).digest)).toBe(
      '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s',
    );
    expect(encodeNix32(hashBytes('sha1', encodeUtf8('abc')).digest)).toBe('kpcd173cq987hw957sx6m0868wv3x6d9');
  });

  test('lengths', () => {
    expect([0, 1, 4, 5, 16, 20, 32, 64].map(nix32Length)).toEqual([0, 2, 7, 8, 26, 32, 52, 103]);
  });

  test('any bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = encodeNix32(bytes);
        expect(text).toHaveLength(nix32Length(bytes.length));
        expect(decodeNix32(text)).toEqual(bytes);
      }),
    );
  });

  test('what decodes is what is encoded', () => {
    const character = fc.constantFrom(...'0123456789abcdfghijklmnpqrsvwxyzeoutEZ-é');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 60 }), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeNix32(text);
        } catch (error) {
          expect(error).toBeInstanceOf(EncodingError);
          return;
        }
        expect(encodeNix32(bytes)).toBe(text);
      }),
    );
  });

  test.each([
    ['a character outside of the alphabet', '0e'],
    ['upper case', '0Z'],
    ['a character beyond ASCII', '0\u{17a}'],
    ['a length that no bytes have', 'z'],
    ['bits beyond the last byte', 'zz'],
    ['bits beyond the last byte of a sha256', `2${'0'.repeat(51)}`],
  ])('refuses %s', (_, text) => {
    expect(() => decodeNix32(text)).toThrow(EncodingError);
  });
});
