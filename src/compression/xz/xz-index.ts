/**
 * The index of an xz stream, against the blocks that were read.
 *
 * @module
 */
import { createHasher, equalHashes } from '../../hash/index.ts';
import type { ArchiveReader } from '../archive-reader.ts';
import { Damage } from '../damage.ts';
import { crc32 } from './crc.ts';
import { decodeXzInteger, encodeXzInteger } from './xz-integer.ts';

/** How many blocks there were and of which sizes, in a few bytes: a stream may have millions. */
export class XzRecords {
  readonly #digest = createHasher('sha256');
  count = 0;

  /** The next block: its bytes with the header and without padding, and those of its content. */
  add(unpaddedSize: number, uncompressedSize: number): void {
    this.count++;
    this.#digest.update(Uint8Array.from([...encodeXzInteger(unpaddedSize), ...encodeXzInteger(uncompressedSize)]));
  }

  /** Are these the same? Called once, when all are in both. */
  equals(other: XzRecords): boolean {
    return this.count === other.count && equalHashes(this.#digest.digest(), other.#digest.digest());
  }
}

/**
 * Read the index, whose first byte was read.
 *
 * @returns how many bytes it has.
 * @throws Damage when it is not that of these blocks.
 */
export async function readXzIndex(archive: ArchiveReader, blocks: XzRecords): Promise<number> {
  let crc = crc32(Uint8Array.of(0));
  let size = 1;
  const read = async (): Promise<number> => {
    const byte = await archive.exactly(1);
    crc = crc32(byte, crc);
    size++;
    return byte[0]!;
  };
  const readInteger = async (): Promise<number> => {
    const bytes = [];
    do bytes.push(await read());
    while (bytes.at(-1)! >= 0x80 && bytes.length < 9);
    return decodeXzInteger(Uint8Array.from(bytes), 0).value;
  };
  const count = await readInteger();
  if (count !== blocks.count) throw new Damage('the index has another number of blocks than there are');
  const records = new XzRecords();
  while (records.count < count) records.add(await readInteger(), await readInteger());
  if (!blocks.equals(records)) throw new Damage('the index is of other blocks than those that are there');
  while (size % 4 !== 0) if ((await read()) !== 0) throw new Damage('the index is padded with something');
  const checksum = await archive.exactly(4);
  if (new DataView(checksum.buffer, checksum.byteOffset).getUint32(0, true) !== crc)
    throw new Damage('the checksum of the index does not match');
  return size + 4;
}
