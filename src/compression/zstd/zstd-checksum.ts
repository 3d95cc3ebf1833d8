/**
 * Checksums for zstd frames that an encoder wrote without.
 *
 * @module
 */

/**
 * The frame with the content's checksum: bit 2 of the header's descriptor says that it follows the last block.
 *
 * @param hash XXH64 of the content.
 * @see RFC 8878, section 3.1.1
 */
export function addZstdChecksum(frame: Uint8Array, hash: bigint): Uint8Array {
  const withChecksum = new Uint8Array(frame.length + 4);
  withChecksum.set(frame);
  withChecksum[4]! |= 4;
  new DataView(withChecksum.buffer).setUint32(frame.length, Number(hash & 0xffffffffn), true);
  return withChecksum;
}
