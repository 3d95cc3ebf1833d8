/**
 * 64-bit little-endian integers as JavaScript numbers, exact or refused.
 *
 * @module
 */

const twoTo32 = 0x1_0000_0000;

/** Write `value` at `offset`. @throws RangeError when it is negative, a fraction, or beyond 2^53 - 1. */
export function writeUint64(bytes: Uint8Array, offset: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} is not a whole number from 0 to 2^53 - 1`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(offset, value % twoTo32, true);
  view.setUint32(offset + 4, Math.floor(value / twoTo32), true);
}

/** Read the integer at `offset`; `undefined` when it is beyond 2^53 - 1 and so has no exact number. */
export function readUint64(bytes: Uint8Array, offset: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = view.getUint32(offset + 4, true) * twoTo32 + view.getUint32(offset, true);
  return Number.isSafeInteger(value) ? value : undefined;
}
