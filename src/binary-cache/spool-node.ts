/**
 * A spool on Node: memory for what is small, then a temporary file without a name.
 *
 * The file is unlinked as soon as it is open, so that it is gone whenever the process is, however it ends.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants, type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteRange, Content } from '../backend/backend.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { contentOfChunks } from './memory-chunks.ts';
import type { Spool } from './spool.ts';

/** Uploads up to this size never touch the disk. */
const memoryBytes = 1024 * 1024;
const readChunkBytes = 256 * 1024;
/** A part that somebody asks for is read in one piece up to this size, for it is going to be one. */
const largestPieceBytes = 16 * 1024 * 1024;

/** Keep an upload in memory up to 1 MiB, beyond that in a file of `TMPDIR`. */
export function createSpool(directory: string = tmpdir()): Spool {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let file: FileHandle | undefined;

  async function writeToFile(handle: FileHandle, chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset, size + offset);
      offset += bytesWritten;
    }
    size += chunk.length;
  }

  return {
    async write(chunk) {
      try {
        if (file === undefined && size + chunk.length <= memoryBytes) {
          chunks.push(chunk);
          size += chunk.length;
          return;
        }
        if (file === undefined) {
          file = await openUnnamedFile(directory);
          size = 0;
          for (const early of chunks.splice(0)) await writeToFile(file, early);
        }
        await writeToFile(file, chunk);
      } catch (error) {
        throw new NarkitError(
          'spool-failed',
          `cannot keep an upload in '${directory}' (TMPDIR names another place): ${messageOf(error)}`,
          { cause: error },
        );
      }
    },
    content: () => (file === undefined ? contentOfChunks(chunks) : contentOfFile(file, size)),
    async close() {
      chunks.length = 0;
      const handle = file;
      file = undefined;
      await handle?.close();
    },
  };
}

async function openUnnamedFile(directory: string): Promise<FileHandle> {
  const path = join(directory, `narkit-${process.pid}-${randomBytes(8).toString('hex')}`);
  const handle = await open(
    path,
    constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  await unlink(path);
  return handle;
}

function contentOfFile(handle: FileHandle, size: number): Content {
  return {
    size,
    async *open(range: ByteRange = { offset: 0 }): AsyncGenerator<Uint8Array> {
      const end = Math.min(size, range.length === undefined ? size : range.offset + range.length);
      const chunkBytes =
        range.length !== undefined && range.length <= largestPieceBytes ? range.length : readChunkBytes;
      for (let offset = range.offset; offset < end; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - offset));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
        if (bytesRead === 0)
          throw new NarkitError('spool-failed', `the temporary file of an upload ended at ${offset} of ${size} bytes`);
        offset += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
  };
}
