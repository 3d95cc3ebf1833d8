/**
 * LZMA2: LZMA in chunks, those that do not compress as they are.
 *
 * @module
 */
import type { ArchiveReader } from '../archive-reader.ts';
import { Damage } from '../damage.ts';
import { LzmaDecoder } from './lzma.ts';
import { LzmaDictionary } from './lzma-dictionary.ts';

/** Bytes in an output chunk; a chunk of LZMA2 has up to 2 MiB. */
const outputSize = 262_144;

/**
 * The content of a block.
 *
 * @throws Damage for what is no LZMA2; CompressionError `compression-corrupt` where it is cut short.
 */
export async function* decodeLzma2(archive: ArchiveReader, dictionarySize: number): AsyncGenerator<Uint8Array> {
  const dictionary = new LzmaDictionary(dictionarySize);
  const lzma = new LzmaDecoder(dictionary);
  let needsDictionary = true;
  let needsProperties = true;
  for (;;) {
    const [control = 0] = await archive.exactly(1);
    if (control === 0) return;
    if (control === 1 || control >= 0xe0) {
      needsDictionary = false;
      needsProperties = true;
      dictionary.reset();
    } else if (needsDictionary) throw new Damage('the first chunk needs what came before');
    const [high = 0, low = 0] = await archive.exactly(2);
    let size = ((high << 8) | low) + 1;
    if (control < 0x80) {
      if (control > 2) throw new Damage('a chunk is of no known kind');
      dictionary.reserve(size);
      dictionary.appendAll(await archive.exactly(size));
    } else {
      size += (control & 0x1f) << 16;
      const [chunkHigh = 0, chunkLow = 0] = await archive.exactly(2);
      if (control >= 0xc0) {
        const [properties = 0] = await archive.exactly(1);
        lzma.setProperties(properties);
        needsProperties = false;
      } else if (needsProperties) throw new Damage('a chunk needs properties that did not come');
      if (control >= 0xa0) lzma.reset();
      dictionary.reserve(size);
      lzma.decode(await archive.exactly(((chunkHigh << 8) | chunkLow) + 1), size);
    }
    const content = dictionary.last(size);
    for (let offset = 0; offset < size; offset += outputSize) yield content.subarray(offset, offset + outputSize);
  }
}
