/**
 * xz decoding in plain TypeScript, for where WebAssembly cannot be compiled.
 *
 * It is ours because no well-kept package does it.
 *
 * @see https://tukaani.org/xz/xz-file-format.txt
 * @module
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts';
import { ArchiveReader } from '../archive-reader.ts';
import { Damage } from '../damage.ts';
import { crc32 } from './crc.ts';
import { decodeLzma2 } from './lzma2.ts';
import { readXzBlockHeader } from './xz-block-header.ts';
import { createXzCheck } from './xz-check.ts';
import { readXzIndex, XzRecords } from './xz-index.ts';

const headerMagic = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00);
const footerMagic = Uint8Array.of(0x59, 0x5a);

/**
 * The content of an xz archive of one or more streams and blocks.
 *
 * @throws CompressionError `compression-corrupt` for what is no xz archive, damaged, cut short, or followed by something
 *   else; `compression-unsupported` for filters other than LZMA2, dictionaries over 64 MiB and a SHA-256 check, as everywhere in
 *   narkit; the source's errors as they are.
 */
export async function* readXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const archive = new ArchiveReader('xz', source);
  try {
    let start = await archive.exactly(4);
    for (;;) {
      yield* readStream(archive, start);
      // Zeros may stand between streams, four by four.
      do {
        if (await archive.atEnd()) return;
        start = await archive.exactly(4);
      } while (start.every((byte) => byte === 0));
    }
  } catch (error) {
    throw error instanceof Damage ? archive.corrupt(error.message) : error;
  } finally {
    await archive.close();
  }
}

async function* readStream(archive: ArchiveReader, start: Uint8Array): AsyncGenerator<Uint8Array> {
  const header = concatBytes([start, await archive.exactly(8)]);
  const flags = header.subarray(6, 8);
  if (!equalBytes(header.subarray(0, 6), headerMagic)) throw new Damage('no stream begins before here');
  if (readUint32(header, 8) !== crc32(flags)) throw new Damage("the checksum of a stream's header does not match");
  const records = new XzRecords();
  for (;;) {
    const [blockHeaderSize = 0] = await archive.exactly(1);
    if (blockHeaderSize === 0) break;
    yield* readBlock(archive, blockHeaderSize, flags, records);
  }
  const indexSize = await readXzIndex(archive, records);
  const footer = await archive.exactly(12);
  if (!equalBytes(footer.subarray(10), footerMagic)) throw new Damage('a stream does not end as one');
  if (readUint32(footer, 0) !== crc32(footer.subarray(4, 10)))
    throw new Damage("the checksum of a stream's end does not match");
  if (!equalBytes(footer.subarray(8, 10), flags) || (readUint32(footer, 4) + 1) * 4 !== indexSize)
    throw new Damage('the end of a stream belongs to another one');
}

async function* readBlock(
  archive: ArchiveReader,
  headerSize: number,
  flags: Uint8Array,
  records: XzRecords,
): AsyncGenerator<Uint8Array> {
  const check = createXzCheck(flags);
  const header = await readXzBlockHeader(archive, headerSize);
  const start = archive.offset;
  let uncompressedSize = 0;
  for await (const chunk of decodeLzma2(archive, header.dictionarySize)) {
    check.update(chunk);
    uncompressedSize += chunk.length;
    yield chunk;
  }
  const compressedSize = archive.offset - start;
  if (
    compressedSize !== (header.compressedSize ?? compressedSize) ||
    uncompressedSize !== (header.uncompressedSize ?? uncompressedSize)
  )
    throw new Damage('a block has another size than its header says');
  const padding = await archive.exactly((4 - (compressedSize % 4)) % 4);
  if (padding.some((byte) => byte !== 0)) throw new Damage('a block is padded with something');
  const digest = check.digest();
  if (!equalBytes(await archive.exactly(digest.length), digest))
    throw new Damage('the checksum of a block does not match');
  records.add(header.size + compressedSize + digest.length, uncompressedSize);
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}
