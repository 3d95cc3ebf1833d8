import { describe, expect, test } from 'vitest';
import { parseHash } from '../../src/hash/index.ts';
import {
  fingerprint,
  generateSecretKey,
  parsePublicKey,
  SignatureError,
  signPathInfo,
  verifySignature,
} from '../../src/signing/index.ts';
import { parseStorePath, parseStorePathBaseName } from '../../src/store-path.ts';

// A path of cache.nixos.org as it was signed there.
const cacheKey = parsePublicKey('cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=');
const signature =
  'cache.nixos.org-1:TsTTb3WGTZKphvYdBHXwo6weVILmTytUjLB+vcX89fOjjRicCHmKA4RCPMVLkj6TMJ4GMX3HPVWRdD1hkeKZBQ==';
const signed =
  '1;/nix/store/syd87l2rxw8cbsxmxl853h0r6pdwhwjr-curl-7.82.0-bin;sha256:1b4sb93wp679q4zx9k1ignby1yna3z7c4c2ri3wphylbc2dwsys0;196040;/nix/store/0jqd0rlxzra1rs38rdxl43yh6rxchgc6-curl-7.82.0,/nix/store/6w8g7njm4mck5dmjxws0z1xnrxvl81xa-glibc-2.34-115,/nix/store/j5jxw3iy7bbz4a57fh9g2xm2gxmyal8h-zlib-1.2.12,/nix/store/yxvjs9drzsphm9pcf42a4byzj1kb9m7k-openssl-1.1.1n';
const info = {
  path: parseStorePathBaseName('syd87l2rxw8cbsxmxl853h0r6pdwhwjr-curl-7.82.0-bin'),
  narHash: parseHash('sha256:1b4sb93wp679q4zx9k1ignby1yna3z7c4c2ri3wphylbc2dwsys0'),
  narSize: 196040,
  references: signed
    .split(';')[4]!
    .split(',')
    .map((path) => parseStorePath(path)),
};

describe('the fingerprint', () => {
  test('a known answer', () => {
    expect(fingerprint(info)).toBe(signed);
  });

  test('references are a set', () => {
    const references = [...info.references, ...info.references].reverse();
    expect(fingerprint({ ...info, references })).toBe(signed);
  });

  test('no references', () => {
    expect(fingerprint({ ...info, references: [] })).toMatch(/;196040;$/);
  });

  test('another store directory', () => {
    expect(fingerprint(info, '/gnu/store')).toBe(signed.replaceAll('/nix/', '/gnu/'));
  });

  test.each([0, -1, Number.NaN])('not without a size: %d', (narSize) => {
    expect(() => fingerprint({ ...info, narSize })).toThrow(RangeError);
  });
});

describe('verifying', () => {
  test('a signature of cache.nixos.org', () => {
    expect(verifySignature(info, signature, [cacheKey])).toBe(true);
  });

  test.each([
    ['another size', { ...info, narSize: 196041 }],
    ['another hash', { ...info, narHash: parseHash(`sha256:${'0'.repeat(52)}`) }],
    ['another name', { ...info, path: parseStorePathBaseName('syd87l2rxw8cbsxmxl853h0r6pdwhwjr-curl-7.82.0-dev') }],
    ['a reference less', { ...info, references: info.references.slice(1) }],
  ])('not for %s', (_, changed) => {
    expect(verifySignature(changed, signature, [cacheKey])).toBe(false);
  });

  test('not for another store directory', () => {
    expect(verifySignature(info, signature, [cacheKey], '/gnu/store')).toBe(false);
  });

  test('not without a key of that name, and the first of a name counts', () => {
    const other = generateSecretKey('cache.nixos.org-1').publicKey;
    const renamed = { ...cacheKey, name: 'cache.nixos.org-2' };
    expect(verifySignature(info, signature, [])).toBe(false);
    expect(verifySignature(info, signature, [renamed])).toBe(false);
    expect(verifySignature(info, signature, [other, cacheKey])).toBe(false);
    expect(verifySignature(info, signature, [renamed, cacheKey, other])).toBe(true);
  });

  test('a signature of another length is none, what is no signature an error', () => {
    expect(verifySignature(info, 'cache.nixos.org-1:AAAA', [cacheKey])).toBe(false);
    expect(() => verifySignature(info, 'cache.nixos.org-1', [cacheKey])).toThrow(SignatureError);
  });
});

test('what is signed verifies', () => {
  const key = generateSecretKey('test-1');
  const own = signPathInfo(info, key);
  expect(own).toMatch(/^test-1:[A-Za-z0-9+/]{86}==$/);
  expect(verifySignature(info, own, [cacheKey, key.publicKey])).toBe(true);
  expect(verifySignature(info, signPathInfo(info, key, '/gnu/store'), [key.publicKey], '/gnu/store')).toBe(true);
});
