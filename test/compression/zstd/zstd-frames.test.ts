import { expect, test } from 'vitest';
import { concatBytes } from '../../../src/bytes/bytes.ts';
import { ArchiveReader } from '../../../src/compression/archive-reader.ts';
import { isSingleZstdFrame, readZstdParts, type ZstdPart } from '../../../src/compression/zstd/zstd-frames.ts';
import { archiveContent, archives } from '../archives.ts';
import { chunksOf } from '../streams.ts';

async function parts(archive: Uint8Array, chunkSize = archive.length): Promise<ZstdPart[]> {
  const found = [];
  for await (const part of readZstdParts(new ArchiveReader('zstd', chunksOf(archive, chunkSize)))) found.push(part);
  return found;
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const magic = '28b52ffd';
const emptyFrame = `${magic} 20 00 010000`;

test('finds the frames of the real zstd, and leaves skippable ones out', async () => {
  const [, , archive] = archives.find(([, title]) => title === 'frames among skippable ones')!;
  for (const chunkSize of [archive.length, 1, 3]) {
    const found = await parts(archive, chunkSize);
    const kinds = found.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'header')).toHaveLength(3);
    expect(kinds.filter((kind) => kind === 'end')).toHaveLength(3);
    const sizes = found.flatMap((part) => (part.kind === 'header' ? [part.header.contentSize] : []));
    expect(sizes).toHaveLength(3);
    expect(found.every((part) => part.kind !== 'end' || part.checksum.length === 4)).toBe(true);
  }
});

test.each([
  ['in one segment, 1 byte', '20 ff', 255n, 255],
  ['in one segment, 2 bytes', '60 00 00', 256n, 256],
  ['in one segment, 4 bytes', 'a0 00 00 00 08', 134_217_728n, 134_217_728],
  ['in 8 bytes', 'c0 00 ff ff ff ff ff ff ff ff', 18_446_744_073_709_551_615n, 1024],
  ['unknown', '00 88', undefined, 134_217_728],
  ['unknown, a window with a fraction', '00 07', undefined, 1024 + 7 * 128],
  ['with a dictionary of no number', '03 00 00000000', undefined, 1024],
])('a content size %s', async (_title, header, contentSize, windowSize) => {
  const [first] = await parts(hex(`${magic} ${header} 010000`));
  expect(first).toMatchObject({ kind: 'header', header: { contentSize, windowSize, hasChecksum: false } });
});

const refused = [
  ['a window of more than 128 MiB', `${magic} 00 89 010000`, 'compression-unsupported', 'window of 150994944 bytes'],
  ['the largest window', `${magic} 00 ff 010000`, 'compression-unsupported', 'window'],
  ['one segment of more than 128 MiB', `${magic} a0 01000008 010000`, 'compression-unsupported', 'window'],
  ['one segment of 16 EiB', `${magic} e0 ffffffffffffffff 010000`, 'compression-unsupported', 'window'],
  ['a dictionary', `${magic} 21 05 00 010000`, 'compression-unsupported', 'dictionary'],
  ['a reserved bit', `${magic} 28 00 010000`, 'compression-corrupt', 'reserved bit'],
  ['a reserved block', `${magic} 20 00 070000`, 'compression-corrupt', 'reserved type'],
  ['a block of more than 128 KiB', `${magic} 00 88 090010`, 'compression-corrupt', 'too large'],
  ['a block of more than the window', `${magic} 00 05 3b3500 db`, 'compression-corrupt', 'too large'],
  ['a block of more than its one segment', `${magic} 20 02 190000 616161`, 'compression-corrupt', 'too large'],
  ['another magic', '28b52ffe 20 00 010000', 'compression-corrupt', 'no zstd frame'],
  ['a frame of zstd 0.7', '27b52ffd 20 00 010000', 'compression-corrupt', 'no zstd frame'],
  ['no end', `${magic} 20 01 000000 000000`, 'compression-corrupt', 'cut short'],
  ['a skippable frame longer than it is', `${emptyFrame} 502a4d18 ffffffff 00`, 'compression-corrupt', 'cut short'],
  ['a rest of three bytes', `${emptyFrame} 28b52f`, 'compression-corrupt', 'cut short'],
  ['nothing', '', 'compression-corrupt', 'cut short'],
] as const;

test.each(refused)('%s is refused', async (_title, archive, code, message) => {
  for (const chunkSize of [1, 100]) {
    const found = parts(hex(archive), chunkSize);
    await expect(found).rejects.toMatchObject({ code, compression: 'zstd' });
    await expect(found).rejects.toThrow(message);
  }
});

test('an archive of skippable frames alone has no parts', async () => {
  expect(await parts(concatBytes([hex('502a4d18 03000000 aabbcc'), hex('5f2a4d18 00000000')]))).toEqual([]);
});

test('a single frame is known without decompressing it', () => {
  const size = archiveContent.length;
  const [, , frame] = archives.find(([compression, title]) => compression === 'zstd' && title === 'one frame')!;
  expect(isSingleZstdFrame(frame, size)).toBe(true);
  expect(isSingleZstdFrame(hex(emptyFrame), 0)).toBe(true);
  expect(isSingleZstdFrame(hex(`${magic} 20 05 2b0000 61`), 5)).toBe(true);
  expect(isSingleZstdFrame(hex(`${magic} 20 05 2b0000 61`), 6)).toBe(false);
  expect(isSingleZstdFrame(hex(`${magic} 00 88 010000`), 5)).toBe(true); // it does not say
  for (let length = 0; length < frame.length; length++)
    expect(isSingleZstdFrame(frame.subarray(0, length), size)).toBe(false);
  expect(isSingleZstdFrame(concatBytes([frame, Uint8Array.of(0)]), size)).toBe(false);
  expect(isSingleZstdFrame(concatBytes([frame, frame]), size)).toBe(false);
  expect(isSingleZstdFrame(concatBytes([hex('502a4d18 00000000'), frame]), size)).toBe(false);
});

test.each(refused.filter(([title]) => title !== 'a reserved block'))('%s is no single frame', (_title, archive) => {
  expect(isSingleZstdFrame(hex(archive), 0)).toBe(false);
});
