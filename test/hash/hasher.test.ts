import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import type { Hasher } from '../../src/hash/hasher.ts';
import { createHasher as createNodeHasher } from '../../src/hash/hasher-node.ts';
import { createHasher as createPortableHasher } from '../../src/hash/hasher-portable.ts';
import {
  createHasher,
  formatHash,
  type HashAlgorithm,
  hashAlgorithms,
  hashBytes,
  parseHash,
} from '../../src/hash/index.ts';

const sides = { node: createNodeHasher, portable: createPortableHasher };

function hashChunks(hasher: Hasher, chunks: readonly Uint8Array[]) {
  for (const chunk of chunks) hasher.update(chunk);
  return hasher.digest();
}

describe.each(Object.entries(sides))('the %s side', (_, create) => {
  // FIPS 180-2, RFC 1321, and the test vectors of BLAKE3.
  test.each<[HashAlgorithm, string, string]>([
    ['md5', 'abc', 'md5:900150983cd24fb0d6963f7d28e17f72'],
    ['sha1', 'abc', 'sha1:a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', 'abc', 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'sha512',
      'abc',
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
    ['blake3', '', 'blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ])('%s of %j', (algorithm, text, expected) => {
    expect(formatHash(hashChunks(create(algorithm), [encodeUtf8(text)]), 'base16')).toBe(expected);
  });

  test('the digest is a Uint8Array of its own', () => {
    const { digest } = create('sha256').digest();
    expect(Object.getPrototypeOf(digest)).toBe(Uint8Array.prototype);
    expect(digest.buffer.byteLength).toBe(32);
  });

  test('nothing after the digest', () => {
    const hasher = create('sha256');
    hasher.digest();
    expect(() => hasher.update(Uint8Array.of(1))).toThrow();
    expect(() => hasher.digest()).toThrow();
  });

  test('a chunk may be changed once it was taken in', () => {
    const chunk = encodeUtf8('abc');
    const hasher = create('sha256');
    hasher.update(chunk);
    chunk.fill(0);
    expect(hasher.digest()).toEqual(hashBytes('sha256', encodeUtf8('abc')));
  });
});

test('both sides agree, however the bytes are cut', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...hashAlgorithms), chunks, (algorithm, parts) => {
      const whole = hashBytes(algorithm, Buffer.concat(parts));
      for (const create of Object.values(sides)) expect(hashChunks(create(algorithm), parts)).toEqual(whole);
      expect(parseHash(formatHash(whole, 'nix32'))).toEqual(whole);
    }),
  );
});

test('under Node the seam is its own crypto', () => {
  expect(createHasher).toBe(createNodeHasher);
});
