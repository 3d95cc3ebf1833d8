import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import {
  formatNixCacheInfo,
  maximumNixCacheInfoBytes,
  NixCacheInfoError,
  parseNixCacheInfo,
} from '../../src/narinfo/index.ts';

test('what Nix writes', () => {
  expect(formatNixCacheInfo({ storeDir: '/nix/store' })).toBe('StoreDir: /nix/store\n');
});

test('what cache.nixos.org says', () => {
  const text = 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n';
  const info = { storeDir: '/nix/store', wantMassQuery: true, priority: 40 };
  expect(parseNixCacheInfo(encodeUtf8(text))).toEqual(info);
  expect(formatNixCacheInfo(info)).toBe(text);
});

describe('what Nix reads', () => {
  test.each<[string, object]>([
    ['', {}],
    ['no colon\n\nUnknown: x\n', {}],
    ['StoreDir:/nix/store', { storeDir: '/nix/store' }],
    ['StoreDir: \t /nix/store \r\n', { storeDir: '/nix/store' }],
    ['StoreDir: /a\nStoreDir: /b\n', { storeDir: '/b' }],
    ['storedir: /a\n', {}],
    [' StoreDir: /a\n', {}],
    ['WantMassQuery: 0\n', { wantMassQuery: false }],
    ['WantMassQuery: true\n', { wantMassQuery: false }],
    ['Priority: -5\n', { priority: -5 }],
    ['Priority: +5 and more\n', { priority: 5 }],
  ])('%j', (text, info) => {
    expect(parseNixCacheInfo(text)).toEqual(info);
  });
});

describe('what is refused', () => {
  test.each(['', 'high', '-', '2147483648', '-2147483649'])('a priority %j', (value) => {
    expect(() => parseNixCacheInfo(`StoreDir: /a\nPriority: ${value}\n`, { where: 'the cache' })).toThrow(
      expect.objectContaining({ code: 'nix-cache-info', line: 2, message: expect.stringContaining("'the cache'") }),
    );
  });

  test('bytes that are not UTF-8', () => {
    expect(() => parseNixCacheInfo(Uint8Array.of(0xff))).toThrow(NixCacheInfoError);
  });

  test('more than any cache has to say', () => {
    expect(() => parseNixCacheInfo(new Uint8Array(maximumNixCacheInfoBytes + 1))).toThrow(NixCacheInfoError);
  });
});

test('any info comes back', () => {
  const info = fc.record(
    {
      storeDir: fc.stringMatching(/^\/[a-z/]{1,20}$/),
      wantMassQuery: fc.boolean(),
      priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(info, (given) => {
      expect(parseNixCacheInfo(formatNixCacheInfo(given))).toEqual(given);
    }),
  );
});
