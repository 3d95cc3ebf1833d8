/**
 * The xz container: one stream of blocks that were compressed apart from each other, which every xz reader reads.
 *
 * Encoders give one-block streams. What is around their blocks is taken away, and written once for all of them.
 *
 * @see https://tukaani.org/xz/xz-file-format.txt
 * @module
 */
import { concatBytes } from '../../bytes/bytes.ts';
import { crc32 } from './crc.ts';
import { decodeXzInteger, encodeXzInteger } from './xz-integer.ts';

/** A block, and what the index says of it. */
export interface XzBlock {
  /** With its padding to a multiple of 4 bytes. */
  readonly bytes: Uint8Array;
  readonly unpaddedSize: number;
  readonly uncompressedSize: number;
}

/** Two bytes of flags: blocks have a CRC-64, as in Nix. */
const streamFlags = Uint8Array.of(0, 4);
const headerMagic = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00);
const footerMagic = Uint8Array.of(0x59, 0x5a);
const headerSize = 12;
const footerSize = 12;

/**
 * The block of a stream that has one, made with CRC-64 checks.
 *
 * @throws Error when the encoder's stream has another form.
 */
export function xzBlockOf(stream: Uint8Array): XzBlock {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  const indexSize = (view.getUint32(stream.length - 8, true) + 1) * 4;
  const indexStart = stream.length - footerSize - indexSize;
  const blockCount = decodeXzInteger(stream, indexStart + 1);
  const unpaddedSize = decodeXzInteger(stream, blockCount.end);
  const uncompressedSize = decodeXzInteger(stream, unpaddedSize.end);
  const bytes = stream.subarray(headerSize, indexStart);
  if (stream[7] === streamFlags[1] && blockCount.value === 1 && bytes.length === roundUp(unpaddedSize.value))
    return { bytes, unpaddedSize: unpaddedSize.value, uncompressedSize: uncompressedSize.value };
  throw new Error('the xz encoder wrote a stream of another form than one block with CRC-64');
}

/** A stream of these blocks. */
export async function* writeXzStream(blocks: AsyncIterable<XzBlock>): AsyncGenerator<Uint8Array> {
  yield concatBytes([headerMagic, streamFlags, littleEndian32(crc32(streamFlags))]);
  const records: number[] = [];
  for await (const { bytes, unpaddedSize, uncompressedSize } of blocks) {
    records.push(unpaddedSize, uncompressedSize);
    yield bytes;
  }
  const index = Uint8Array.from([0, ...encodeXzInteger(records.length / 2), ...records.flatMap(encodeXzInteger)]);
  const paddedIndex = concatBytes([index, new Uint8Array(roundUp(index.length) - index.length)]);
  const backwardSize = littleEndian32((paddedIndex.length + 4) / 4 - 1);
  const footer = concatBytes([backwardSize, streamFlags]);
  yield concatBytes([
    paddedIndex,
    littleEndian32(crc32(paddedIndex)),
    littleEndian32(crc32(footer)),
    footer,
    footerMagic,
  ]);
}

function littleEndian32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function roundUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
