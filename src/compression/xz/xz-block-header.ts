/**
 * The header of a block of an xz stream.
 *
 * @module
 */
import { concatBytes } from '../../bytes/bytes.ts';
import type { ArchiveReader } from '../archive-reader.ts';
import { Damage } from '../damage.ts';
import { unsupported } from '../unsupported.ts';
import { crc32 } from './crc.ts';
import { decodeXzInteger } from './xz-integer.ts';

const lzma2Filter = 0x21;
const largestDictionary = 64 * 1024 * 1024;

/** What a block's header says. */
export interface XzBlockHeader {
  /** Bytes of the header itself. */
  readonly size: number;
  readonly compressedSize: number | undefined;
  readonly uncompressedSize: number | undefined;
  readonly dictionarySize: number;
}

/** Read a header whose first byte was read. @throws Damage; CompressionError `compression-unsupported` */
export async function readXzBlockHeader(archive: ArchiveReader, firstByte: number): Promise<XzBlockHeader> {
  const size = (firstByte + 1) * 4;
  const header = concatBytes([Uint8Array.of(firstByte), await archive.exactly(size - 1)]);
  const fields = header.subarray(0, size - 4);
  if (new DataView(header.buffer).getUint32(size - 4, true) !== crc32(fields))
    throw new Damage("the checksum of a block's header does not match");

  let offset = 2;
  const readInteger = (): number => {
    const { value, end } = decodeXzInteger(fields, offset);
    offset = end;
    return value;
  };
  const flags = fields[1]!;
  if ((flags & 0x3c) !== 0) throw unsupported('xz', 'reading', 'the archive is of a version that does not exist yet');
  const compressedSize = (flags & 0x40) === 0 ? undefined : readInteger();
  const uncompressedSize = (flags & 0x80) === 0 ? undefined : readInteger();
  if ((flags & 3) !== 0 || readInteger() !== lzma2Filter)
    throw unsupported('xz', 'reading', 'the archive uses a BCJ or delta filter');
  if (readInteger() !== 1) throw new Damage('a block has properties that none can have');
  const dictionarySize = decodeDictionarySize(fields[offset++]!);
  if (fields.subarray(offset).some((byte) => byte !== 0)) throw new Damage("a block's header is padded with something");
  return { size, compressedSize, uncompressedSize, dictionarySize };
}

function decodeDictionarySize(bits: number): number {
  if (!(bits <= 40)) throw new Damage('a block has a dictionary that none can have');
  const size = (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
  if (size <= largestDictionary) return size;
  throw unsupported('xz', 'reading', 'the archive has a dictionary of more than 64 MiB');
}
