import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/index.ts';
import { base64Length, decodeBase64, EncodingError, encodeBase64 } from '../../src/hash/index.ts';

describe('base64', () => {
  test('any bytes come back, and agree with Buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(text).toHaveLength(base64Length(bytes.length));
        expect(decodeBase64(text)).toEqual(bytes);
        expect(decodeBase64(text.replaceAll('=', ''))).toEqual(bytes);
      }),
    );
  });

  // What Nix's own tests call deliberate (src/libutil-tests/base-n.cc).
  test.each([
    ['newlines are skipped', 'cXVv\nZCBl\ncmF0\n'],
    ['padding may be missing', 'cXVvZCBlcmF0'],
    ['what follows a padding is not looked at', 'cXVvZCBlcmF0==*not base64*'],
  ])('lax: %s', (_, text) => {
    expect(decodeUtf8(decodeBase64(text))).toBe('quod erat');
  });

  test('bits beyond the last byte are dropped', () => {
    expect(decodeBase64('/x')).toEqual(Uint8Array.of(0xff));
    expect(decodeBase64('/')).toEqual(new Uint8Array());
  });

  test.each(['a b', 'a\tb', 'a\r\nb', 'ab-_', 'ab*=', 'é'])('refuses %j', (text) => {
    expect(() => decodeBase64(text)).toThrow(EncodingError);
  });

  test('an error does not repeat the text', () => {
    expect(() => decodeBase64('c2VjcmV0*')).toThrow(/^not base64: invalid character at offset 8$/);
    expect(encodeUtf8('secret')).toEqual(decodeBase64('c2VjcmV0'));
  });
});
