/**
 * The frames of a zstd archive, found without decompressing: where each begins and ends, and what its header asks for.
 *
 * Decoders differ in what they do at the end of a frame, with skippable frames, with an archive that is cut short and with
 * what follows it; here all that is decided before a decoder sees a byte.
 *
 * @see RFC 8878, section 3.1
 * @module
 */
import { concatBytes } from '../../bytes/bytes.ts';
import { ArchiveReader } from '../archive-reader.ts';
import { CompressionError } from '../compression-error.ts';

/**
 * The largest window that is decoded, in bytes: 128 MiB, as in libzstd by default, and so in Nix. `zstd --long=28` and more
 * write larger ones.
 */
export const maximumWindowSize = 134_217_728;

const maximumBlockSize = 131_072;

/** Parts are joined up to this size, in bytes: calling a decoder costs something each time. */
const partSize = 65_536;

/** Bytes of one frame, as they stand in the archive. */
export interface ZstdFramePart {
  readonly bytes: Uint8Array;
  /** What the frame says of its content, with its last part. */
  readonly end?: ZstdFrameEnd;
}

/** What a frame says of its content. */
export interface ZstdFrameEnd {
  /** Bytes, when the header tells. */
  readonly contentSize: bigint | undefined;
  /** The low 32 bits of the content's XXH64, when there is a checksum. */
  readonly checksum: number | undefined;
}

/**
 * The parts of all frames, none of them reaching over the end of its frame; skippable frames are left out.
 *
 * @throws CompressionError `compression-corrupt` for what is no zstd archive, a reserved bit or block, an archive that is cut
 *   short, and for bytes after its end; `compression-unsupported` for a frame that needs a dictionary or a window of more
 *   than {@link maximumWindowSize}.
 */
export async function* zstdFrameParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<ZstdFramePart> {
  const archive = new ArchiveReader('zstd', source);
  try {
    do {
      const magic = await archive.exactly(4);
      const number = littleEndian(magic);
      if (number === 0xfd2fb528n) yield* frameParts(archive, magic);
      else if (number >> 4n === 0x184d2a5n) await skip(archive, Number(littleEndian(await archive.exactly(4))));
      else throw archive.corrupt('no zstd frame begins before here');
    } while (!(await archive.atEnd()));
  } finally {
    await archive.close();
  }
}

async function* frameParts(archive: ArchiveReader, magic: Uint8Array): AsyncGenerator<ZstdFramePart> {
  const { parts: header, contentSize, hasChecksum } = await readHeader(archive);
  let parts = [magic, ...header];
  let size = 0;
  for (let last = false; !last; ) {
    const blockHeader = await archive.exactly(3);
    const block = Number(littleEndian(blockHeader));
    last = (block & 1) === 1;
    const type = (block >> 1) & 3;
    if (type === 3) throw archive.corrupt('a block has the reserved type');
    if (block >> 3 > maximumBlockSize) throw archive.corrupt('a block is too large');
    parts.push(blockHeader);
    let missing = type === runLengthBlock ? 1 : block >> 3;
    while (missing > 0) {
      const bytes = await archive.upTo(missing);
      missing -= bytes.length;
      size += bytes.length;
      parts.push(bytes);
      if (size < partSize) continue;
      yield { bytes: concatBytes(parts) };
      parts = [];
      size = 0;
    }
  }
  const checksum = hasChecksum ? await archive.exactly(4) : new Uint8Array(0);
  yield {
    bytes: concatBytes([...parts, checksum]),
    end: { contentSize, checksum: hasChecksum ? Number(littleEndian(checksum)) : undefined },
  };
}

const runLengthBlock = 1;

async function readHeader(
  archive: ArchiveReader,
): Promise<{ parts: Uint8Array[]; contentSize: bigint | undefined; hasChecksum: boolean }> {
  const descriptor = await archive.exactly(1);
  const bits = descriptor[0]!;
  const isSingleSegment = (bits & 0x20) !== 0;
  if ((bits & 0x08) !== 0) throw archive.corrupt('a reserved bit of a frame header is set');

  const window = await archive.exactly(isSingleSegment ? 0 : 1);
  const dictionary = await archive.exactly([0, 1, 2, 4][bits & 3]!);
  const sizeLength = [isSingleSegment ? 1 : 0, 2, 4, 8][bits >> 6]!;
  const size = await archive.exactly(sizeLength);

  const contentSize = sizeLength === 0 ? undefined : littleEndian(size) + (sizeLength === 2 ? 256n : 0n);
  const windowSize = isSingleSegment ? contentSize! : windowSizeOf(window[0]!);
  if (littleEndian(dictionary) !== 0n) throw unsupported('needs a dictionary, which Nix archives never do');
  if (windowSize > maximumWindowSize)
    throw unsupported(
      `needs a window of ${windowSize} bytes, and more than ${maximumWindowSize} are refused: was it written with zstd's --long or --ultra?`,
    );
  return { parts: [descriptor, window, dictionary, size], contentSize, hasChecksum: (bits & 0x04) !== 0 };
}

function windowSizeOf(descriptor: number): bigint {
  const base = 1n << BigInt(10 + (descriptor >> 3));
  return base + (base / 8n) * BigInt(descriptor & 7);
}

async function skip(archive: ArchiveReader, length: number): Promise<void> {
  for (let missing = length; missing > 0; ) missing -= (await archive.upTo(missing)).length;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function unsupported(what: string): CompressionError {
  return new CompressionError('compression-unsupported', 'zstd', `a frame of the zstd archive ${what}`);
}
