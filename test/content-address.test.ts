import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentAddressError, formatContentAddress, parseContentAddress } from '../src/content-address.ts';
import { formatHash, HashError, hashAlgorithms, hashBytes } from '../src/hash/index.ts';
import { describePeer, needPeer } from './peers/peers.ts';

const nix32 = '1lr187v6dck1rjh2j6svpikcfz53wyl3qrlcbb405zlh13x0khhh';

test.each([
  [`text:sha256:${nix32}`, 'text'],
  [`fixed:sha256:${nix32}`, 'flat'],
  [`fixed:r:sha256:${nix32}`, 'nar'],
  [`fixed:git:sha1:${'0'.repeat(32)}`, 'git'],
])('%s', (text, method) => {
  const contentAddress = parseContentAddress(text);
  expect(contentAddress.method).toBe(method);
  expect(formatContentAddress(contentAddress)).toBe(text);
});

test('every content address comes back', () => {
  const any = fc.record({
    method: fc.constantFrom('text' as const, 'flat' as const, 'nar' as const, 'git' as const),
    hash: fc
      .tuple(fc.constantFrom(...hashAlgorithms), fc.uint8Array())
      .map(([algorithm, bytes]) => hashBytes(algorithm, bytes)),
  });
  fc.assert(
    fc.property(any, (contentAddress) => {
      expect(parseContentAddress(formatContentAddress(contentAddress))).toEqual(contentAddress);
      const { hash } = contentAddress;
      const prefix = formatContentAddress(contentAddress).slice(0, -formatHash(hash, 'nix32').length);
      expect(parseContentAddress(prefix + formatHash(hash, 'base16'))).toEqual(contentAddress);
    }),
  );
});

describe('refusals', () => {
  test.each([
    '',
    'text',
    'text:',
    'text:sha256',
    `sha256:${nix32}`,
    `source:sha256:${nix32}`,
    `fixed:x:sha256:${nix32}`,
    `fixed:r:r:sha256:${nix32}`,
    `text:r:sha256:${nix32}`,
    `fixed:sha256-EMIJ+giQ/gLIWoxmPKjno3zHZrxbGymgzGGyZvZBIdM=`,
    `fixed:sha3:${nix32}`,
    `FIXED:sha256:${nix32}`,
  ])('%j', (text) => {
    expect(() => parseContentAddress(text)).toThrow(ContentAddressError);
  });

  test.each([`fixed:sha256:${nix32}0`, `fixed:sha512:${nix32}`, `fixed:sha256:${nix32} `])('%j', (text) => {
    expect(() => parseContentAddress(text)).toThrow(HashError);
  });
});

describePeer('vectors', 'vectors of Nix: content addresses on the wire', () => {
  const folder = join(needPeer('vectors'), 'nix/worker-protocol');
  test('content-address.bin', () => {
    const wire = readFileSync(join(folder, 'content-address.bin')).toString('latin1');
    const texts = wire.match(/(?:text|fixed):[0-9a-z:]+/g) ?? [];
    expect(texts.length).toBeGreaterThan(0);
    for (const text of texts) expect(formatContentAddress(parseContentAddress(text))).toBe(text);
  });
});
