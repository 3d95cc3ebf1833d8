import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBase64 } from '../src/hash/index.ts';
import { formatSignature, mergeSignatures, parseSignature, SignatureError } from '../src/signature.ts';

const zero = `${'A'.repeat(86)}==`;
const one = `${'A'.repeat(85)}Q==`;

describe('one signature', () => {
  test('the parts', () => {
    expect(parseSignature(`cache.example.org-1:${zero}`)).toEqual({
      keyName: 'cache.example.org-1',
      bytes: new Uint8Array(64),
    });
  });

  test('the key name ends at the first colon', () => {
    expect(() => parseSignature(`a:b:${zero}`)).toThrow(SignatureError);
  });

  test('the base64 is read laxly and written canonically', () => {
    for (const text of [`k:${zero}junk`, `k:${'A'.repeat(86)}`, `k:${'A'.repeat(85)}B`, `k:A\n${zero.slice(1)}`])
      expect(formatSignature(parseSignature(text))).toBe(`k:${zero}`);
  });

  test.each(['', ':', 'k', 'k:', `:${zero}`, 'k:=', 'k:A', 'k:*', `k: ${zero}`, 'k\nURL:AAAA'])(
    'refuses %j',
    (text) => {
      expect(() => parseSignature(text)).toThrow(SignatureError);
    },
  );
});

describe('merging', () => {
  test('by key name and not by text: a dash sorts before a colon', () => {
    expect(mergeSignatures([`a-1:${zero}`, `a:${zero}`])).toEqual([`a:${zero}`, `a-1:${zero}`]);
  });

  test('by raw bytes and not by base64: + and / are the last digits', () => {
    expect(mergeSignatures(['k:////', 'k:zzzz', 'k:0000', 'k:++++'])).toEqual(['k:zzzz', 'k:0000', 'k:++++', 'k:////']);
  });

  test('key names by their UTF-8', () => {
    expect(mergeSignatures(['\u{1f980}:AAAA', '\uff5e:AAAA'])).toEqual(['\uff5e:AAAA', '\u{1f980}:AAAA']);
  });

  test('each once, whatever its spelling', () => {
    expect(mergeSignatures([`k:${zero}`], [`k:${zero}junk`, `k:${one}`], [])).toEqual([`k:${zero}`, `k:${one}`]);
  });

  test('is a union of sets', () => {
    const signature = fc
      .tuple(fc.constantFrom('a', 'a-1', 'b', 'é'), fc.uint8Array({ minLength: 1, maxLength: 2 }))
      .map(([keyName, bytes]) => `${keyName}:${encodeBase64(bytes)}`);
    const set = fc.array(signature);
    fc.assert(
      fc.property(set, set, (left, right) => {
        const merged = mergeSignatures(left, right);
        expect(merged).toEqual(mergeSignatures(right, left));
        expect(merged).toEqual(mergeSignatures(merged, left));
        expect(new Set(merged)).toEqual(new Set([...left, ...right]));
        expect(merged).toHaveLength(new Set(merged).size);
      }),
    );
  });
});
