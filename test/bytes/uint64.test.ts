import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readUint64, writeUint64 } from '../../src/bytes/index.ts';

test('every exact number comes back, in little-endian order, and nothing beside it is touched', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(8), (value, offset) => {
      const buffer = Buffer.alloc(24, 0xaa);
      writeUint64(buffer.subarray(4), offset, value);
      expect(buffer.readBigUInt64LE(4 + offset)).toBe(BigInt(value));
      expect(readUint64(buffer.subarray(4), offset)).toBe(value);
      expect(buffer.subarray(0, 4 + offset).every((byte) => byte === 0xaa)).toBe(true);
      expect(buffer.subarray(12 + offset).every((byte) => byte === 0xaa)).toBe(true);
    }),
  );
});

test.each([-1, 0.5, Number.NaN, Infinity, 2 ** 53])('%d is not written', (value) => {
  expect(() => writeUint64(new Uint8Array(8), 0, value)).toThrow(RangeError);
});

test('what has no exact number is not read', () => {
  const buffer = Buffer.alloc(8);
  for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    buffer.writeBigUInt64LE(value);
    expect(readUint64(buffer, 0)).toBeUndefined();
  }
});

test('beyond the end there is nothing to read or write', () => {
  expect(() => readUint64(new Uint8Array(8), 1)).toThrow(RangeError);
  expect(() => writeUint64(new Uint8Array(8), 1, 0)).toThrow(RangeError);
});
