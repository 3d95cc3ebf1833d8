import { expect, test } from 'vitest';
import { hashBytes } from '../../src/hash/index.ts';
import { generateSecretKey, isTrusted, signPathInfo } from '../../src/signing/index.ts';
import { makeContentAddressedPath } from '../../src/store-path-from-content.ts';

const key = generateSecretKey('cache.example.org-1');
const narHash = hashBytes('sha256', new Uint8Array(112));
const contentAddress = { method: 'nar', hash: narHash } as const;
const path = makeContentAddressedPath('example', contentAddress);
const info = { path, narHash, narSize: 112, references: [], signatures: [] };
const signed = { ...info, signatures: ['other-1:AAAA', signPathInfo(info, key)] };

test('a signature by a trusted key', () => {
  expect(isTrusted(signed, [key.publicKey])).toBe(true);
});

test.each([
  ['nobody signed it', info],
  ['it was signed with another size', { ...signed, narSize: 113 }],
  ['it was signed with another hash', { ...signed, narHash: hashBytes('sha256', new Uint8Array(113)) }],
  ['it was signed with other references', { ...signed, references: [path] }],
])('not trusted: %s', (_, other) => {
  expect(isTrusted(other, [key.publicKey])).toBe(false);
});

test('not by a key that nobody trusts, nor for another store directory', () => {
  expect(isTrusted(signed, [])).toBe(false);
  expect(isTrusted(signed, [generateSecretKey(key.name).publicKey])).toBe(false);
  expect(isTrusted(signed, [key.publicKey], '/gnu/store')).toBe(false);
});

test('a path that follows from its content address needs no signature', () => {
  expect(isTrusted({ ...info, contentAddress }, [])).toBe(true);
  const other = { method: 'nar', hash: hashBytes('sha256', new Uint8Array(1)) } as const;
  expect(isTrusted({ ...info, contentAddress: other }, [])).toBe(false);
});
