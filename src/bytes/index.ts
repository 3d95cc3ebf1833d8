/**
 * Byte order, little-endian integers, UTF-8.
 *
 * @module
 */
export { compareBytes, concatBytes, decodeUtf8, encodeUtf8, equalBytes } from './bytes.ts';
export { readUint64, writeUint64 } from './uint64.ts';
