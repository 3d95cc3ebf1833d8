/**
 * The checksums of xz, lowest bit first.
 *
 * @module
 */

/** Of the polynomial 0x04c11db7, as in zlib. */
const crc32Table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of bytes that come after those of `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let index = 0; index < bytes.length; index++) crc = (crc >>> 8) ^ crc32Table[(crc ^ bytes[index]!) & 0xff]!;
  return ~crc >>> 0;
}

/** Of the polynomial of ECMA-182: each entry in two halves, the low one first. */
const crc64Table = new Uint32Array(512);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry === 0) continue;
    low ^= 0xd7870f42;
    high ^= 0xc96c5795;
  }
  crc64Table[2 * byte] = low;
  crc64Table[2 * byte + 1] = high;
}

/** A running CRC-64. */
export class Crc64 {
  #low = -1;
  #high = -1;

  /** Take in bytes. */
  update(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < bytes.length; index++) {
      const entry = ((low ^ bytes[index]!) & 0xff) << 1;
      low = ((low >>> 8) | (high << 24)) ^ crc64Table[entry]!;
      high = (high >>> 8) ^ crc64Table[entry + 1]!;
    }
    this.#low = low;
    this.#high = high;
  }

  /** The checksum so far, as it stands in an archive. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ~this.#low >>> 0, true);
    view.setUint32(4, ~this.#high >>> 0, true);
    return bytes;
  }
}
