import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  digestSizes,
  equalHashes,
  formatHash,
  type Hash,
  type HashAlgorithm,
  HashError,
  hashAlgorithms,
  hashFormats,
  isHashAlgorithm,
  parseHash,
  parseHashAny,
  parseHashUnprefixed,
  parseHashWithFormat,
} from '../../src/hash/index.ts';
import { describePeer, needPeer } from '../peers/peers.ts';

const base16 = '0'.repeat(63).concat('1');
const nix32 = '0gl1yq74j0v69fqqg2rz98j70nq6fvswfyk65q5x3cjvczlq5ygm';

/** Any hash of any algorithm. */
const anyHash: fc.Arbitrary<Hash> = fc.constantFrom(...hashAlgorithms).chain((algorithm) => {
  const size = digestSizes[algorithm];
  return fc.uint8Array({ minLength: size, maxLength: size }).map((digest) => ({ algorithm, digest }));
});

describe('forms', () => {
  test('the forms of one hash', () => {
    const hash = parseHash('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=');
    expect(formatHash(hash, 'nix32')).toBe('sha256:09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm');
    expect(formatHash(hash, 'base16')).toBe('sha256:15e3c560894cbb27085cf65b5a2ecb18488c999497f4531b6907a7581ce6d527');
    expect(formatHash(hash, 'base64')).toBe('sha256:FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=');
    expect(formatHash(hash, 'sri')).toBe('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=');
    expect(formatHash(hash, 'nix32', { prefix: false })).toBe('09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm');
    expect(formatHash(hash, 'sri', { prefix: false })).toBe('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=');
  });

  test('every form of every hash comes back', () => {
    fc.assert(
      fc.property(anyHash, fc.constantFrom(...hashFormats), (hash, format) => {
        const text = formatHash(hash, format);
        const bare = formatHash(hash, format, { prefix: false });
        expect(parseHash(text)).toEqual(hash);
        expect(parseHashAny(text)).toEqual(hash);
        expect(parseHashAny(bare, hash.algorithm)).toEqual(hash);
        expect(parseHashWithFormat(text, hash.algorithm)).toEqual({ hash, format });
        if (format !== 'sri') expect(parseHashUnprefixed(bare, hash.algorithm)).toEqual(hash);
      }),
    );
  });

  test('base16 in upper case', () => {
    expect(parseHash(`sha256:${'AB'.repeat(32)}`)).toEqual(parseHash(`sha256:${'ab'.repeat(32)}`));
  });

  test('SRI as laxly as Nix: options after the padding', () => {
    const sri = 'sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=';
    expect(parseHash(`${sri}?what`)).toEqual(parseHash(sri));
  });
});

describe('refusals', () => {
  test.each([
    ['nothing', ''],
    ['no algorithm', base16],
    ['an unknown algorithm', `sha3:${base16}`],
    ['an unknown algorithm as SRI', `sha384-${'A'.repeat(64)}`],
    ['an algorithm in upper case', `SHA256:${base16}`],
    ['a name of Object', `constructor:${base16}`],
    ['nothing after the prefix', 'sha256:'],
    ['nothing after the prefix of SRI', 'sha256-'],
    ['a wrong length', `sha256:${base16}0`],
    ['the length of another algorithm', `sha1:${base16}`],
    ['overflow bits', `sha256:2${nix32.slice(1)}`],
    ['a foreign character of base16', `sha256:${base16.slice(1)}g`],
    ['a foreign character of nix32', `sha256:${nix32.slice(1)}e`],
    ['nix32 in upper case', `sha256:${nix32.toUpperCase()}`],
    ['base64 of 33 bytes', `sha256:${'A'.repeat(44)}`],
    ['SRI of 31 bytes', `sha256-${'A'.repeat(42)}`],
    ['SRI in base16', `sha256-${base16}`],
    ['SRI with a colon in it', `sha256-FePF:`],
    ['space before', ` sha256:${base16}`],
    ['space behind', `sha256:${base16} `],
  ])('%s', (_, text) => {
    expect(() => parseHash(text)).toThrow(HashError);
    expect(() => parseHashAny(text)).toThrow(HashError);
  });

  test('an algorithm that contradicts the prefix', () => {
    expect(() => parseHashAny(`sha256:${base16}`, 'sha512')).toThrow(
      `hash 'sha256:${base16}' should have type 'sha512'`,
    );
  });

  test('no algorithm at all', () => {
    expect(() => parseHashAny(base16)).toThrow('nor is the type otherwise known from context');
  });

  test('anything is a hash or a HashError', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...hashAlgorithms), fc.constantFrom(':', '-'), fc.base64String()).map((t) => t.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          const { algorithm, digest } = parseHash(input);
          expect(digest).toHaveLength(digestSizes[algorithm]);
        } catch (error) {
          expect(error).toBeInstanceOf(HashError);
          expect((error as HashError).text).toBe(input);
          expect((error as HashError).code).toBe('hash');
        }
      }),
    );
  });
});

test('the names of algorithms', () => {
  expect(hashAlgorithms).toEqual(['blake3', 'md5', 'sha1', 'sha256', 'sha512']);
  for (const algorithm of hashAlgorithms) expect(isHashAlgorithm(algorithm)).toBe(true);
  for (const name of ['', 'SHA256', 'sha-256', 'toString', '__proto__']) expect(isHashAlgorithm(name)).toBe(false);
});

test('equal hashes', () => {
  const hash = (algorithm: HashAlgorithm, last: number) => ({
    algorithm,
    digest: Uint8Array.from({ length: 32 }, () => last),
  });
  expect(equalHashes(hash('sha256', 1), hash('sha256', 1))).toBe(true);
  expect(equalHashes(hash('sha256', 1), hash('sha256', 2))).toBe(false);
  expect(equalHashes(hash('sha256', 1), hash('blake3', 1))).toBe(false);
});

describePeer('vectors', 'vectors of Nix: hash', () => {
  const folder = join(needPeer('vectors'), 'nix/hash');
  test.each(readdirSync(folder))('%s', (file) => {
    const text = JSON.parse(readFileSync(join(folder, file), 'utf8')) as string;
    expect(formatHash(parseHash(text), 'sri')).toBe(text);
  });
});
