/**
 * The frames of a zstd archive and their blocks, found without decompressing them.
 *
 * Decoders differ in what they do at the end of a frame, with skippable frames, with an archive that is cut short and with
 * what follows it; here all that is decided before a decoder sees a byte.
 *
 * @see RFC 8878, section 3.1
 * @module
 */
import { concatBytes } from '../../bytes/bytes.ts';
import type { ArchiveReader } from '../archive-reader.ts';
import { CompressionError } from '../compression-error.ts';

/**
 * The largest window that is decoded, in bytes: 128 MiB, as in libzstd by default, and so in Nix. `zstd --long=28` and more
 * write larger ones.
 */
const maximumWindowSize = 134_217_728;

/** The most bytes of a block, in the archive and of content; in a frame with a smaller window no more than that. */
export const maximumBlockSize = 131_072;

const frameMagic = 0xfd2fb528n;

/** What a frame begins with. */
export interface ZstdFrameHeader {
  /** Magic and header as they stand in the archive. */
  readonly bytes: Uint8Array;
  /** How far back matches reach, in bytes. */
  readonly windowSize: number;
  /** Bytes of content, when the header tells. */
  readonly contentSize: bigint | undefined;
  readonly hasDictionary: boolean;
  readonly hasChecksum: boolean;
}

/** A part of a frame. */
export type ZstdPart =
  | { readonly kind: 'header'; readonly header: ZstdFrameHeader }
  | { readonly kind: 'raw' | 'compressed'; readonly blockHeader: Uint8Array; readonly body: Uint8Array }
  /** One byte, `size` times. */
  | { readonly kind: 'repeated'; readonly blockHeader: Uint8Array; readonly body: Uint8Array; readonly size: number }
  /** The end, with the low 32 bits of the content's XXH64 when there is a checksum: four bytes, else none. */
  | { readonly kind: 'end'; readonly checksum: Uint8Array };

/**
 * The parts of all frames; skippable frames are left out.
 *
 * @throws CompressionError `compression-corrupt` for what is no zstd archive, a reserved bit or block, an archive that is cut
 *   short, and for bytes after its end; `compression-unsupported` for a frame that needs a dictionary or a window of more
 *   than {@link maximumWindowSize}.
 */
export async function* readZstdParts(archive: ArchiveReader): AsyncGenerator<ZstdPart> {
  do {
    const magic = await archive.exactly(4);
    const number = littleEndian(magic);
    if (number === frameMagic) yield* readFrame(archive, magic);
    else if (number >> 4n === 0x184d2a5n) await skip(archive, Number(littleEndian(await archive.exactly(4))));
    else throw archive.corrupt('no zstd frame begins before here');
  } while (!(await archive.atEnd()));
}

async function* readFrame(archive: ArchiveReader, magic: Uint8Array): AsyncGenerator<ZstdPart> {
  const header = await readHeader(archive, magic);
  yield { kind: 'header', header };
  const maximumSize = Math.min(maximumBlockSize, header.windowSize);
  for (let isLast = false; !isLast; ) {
    const blockHeader = await archive.exactly(3);
    const bits = Number(littleEndian(blockHeader));
    isLast = (bits & 1) === 1;
    const kind = (['raw', 'repeated', 'compressed', undefined] as const)[(bits >> 1) & 3];
    const size = bits >> 3;
    if (kind === undefined) throw archive.corrupt('a block has the reserved type');
    if (size > maximumSize) throw archive.corrupt('a block is too large');
    if (kind === 'repeated') yield { kind, blockHeader, body: await archive.exactly(1), size };
    else yield { kind, blockHeader, body: await archive.exactly(size) };
  }
  yield { kind: 'end', checksum: await archive.exactly(header.hasChecksum ? 4 : 0) };
}

async function readHeader(archive: ArchiveReader, magic: Uint8Array): Promise<ZstdFrameHeader> {
  const descriptor = await archive.exactly(1);
  if ((descriptor[0]! & 0x08) !== 0) throw archive.corrupt('a reserved bit of a frame header is set');
  const rest = await archive.exactly(headerLengthAfter(descriptor[0]!));
  const header = parseHeader(concatBytes([magic, descriptor, rest]));
  const obstacle = findObstacle(header);
  if (obstacle !== undefined) throw unsupported(obstacle);
  return header;
}

const dictionaryLengths = [0, 1, 2, 4];
const sizeLengths = [0, 2, 4, 8];

/** Bytes of a frame header behind its descriptor. */
function headerLengthAfter(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeLength = sizeLengths[descriptor >> 6]!;
  return dictionaryLengths[descriptor & 3]! + (isSingleSegment ? Math.max(1, sizeLength) : 1 + sizeLength);
}

/** @param bytes the header from its magic to its end. */
function parseHeader(bytes: Uint8Array): ZstdFrameHeader {
  const descriptor = bytes[4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryStart = isSingleSegment ? 5 : 6;
  const sizeStart = dictionaryStart + dictionaryLengths[descriptor & 3]!;
  const sizeLength = bytes.length - sizeStart;
  const contentSize =
    sizeLength === 0 ? undefined : littleEndian(bytes.subarray(sizeStart)) + (sizeLength === 2 ? 256n : 0n);
  const windowSize = Number(isSingleSegment ? contentSize! : windowSizeOf(bytes[5]!));
  const hasDictionary = littleEndian(bytes.subarray(dictionaryStart, sizeStart)) !== 0n;
  return { bytes, windowSize, contentSize, hasDictionary, hasChecksum: (descriptor & 0x04) !== 0 };
}

/** What keeps a frame from being decoded here. */
function findObstacle({ hasDictionary, windowSize }: ZstdFrameHeader): string | undefined {
  if (hasDictionary) return 'needs a dictionary, which Nix archives never do';
  if (windowSize > maximumWindowSize)
    return `needs a window of ${windowSize} bytes, and more than ${maximumWindowSize} are refused: was it written with zstd's --long or --ultra?`;
  return undefined;
}

/**
 * Are these bytes one frame, no more and no less, as far as that can be seen without decompressing it? What the one call of a
 * decoder makes of them is then what {@link readZstdParts} leads to.
 *
 * @param contentSize what the header must say, if it says anything.
 */
export function isSingleZstdFrame(bytes: Uint8Array, contentSize: number): boolean {
  const descriptor = bytes[4];
  if (descriptor === undefined || littleEndian(bytes.subarray(0, 4)) !== frameMagic || (descriptor & 0x08) !== 0)
    return false;
  const headerEnd = 5 + headerLengthAfter(descriptor);
  if (bytes.length < headerEnd) return false;
  const header = parseHeader(bytes.subarray(0, headerEnd));
  if (findObstacle(header) !== undefined) return false;
  if (header.contentSize !== undefined && header.contentSize !== BigInt(contentSize)) return false;
  const maximumSize = Math.min(maximumBlockSize, header.windowSize);
  let end = headerEnd;
  for (let isLast = false; !isLast; ) {
    if (bytes.length < end + 3) return false;
    const bits = bytes[end]! | (bytes[end + 1]! << 8) | (bytes[end + 2]! << 16);
    isLast = (bits & 1) === 1;
    const size = bits >> 3;
    if (size > maximumSize) return false;
    end += 3 + (((bits >> 1) & 3) === 1 ? 1 : size);
  }
  return end + (header.hasChecksum ? 4 : 0) === bytes.length;
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
