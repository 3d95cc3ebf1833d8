/**
 * Reading an object's file: small ones at once, large ones as a stream.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  open as openForCallback,
  openSync,
  read,
  readSync,
  type Stats,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BackendError, type ByteRange } from '../backend.ts';
import { cutRange } from '../range.ts';
import { type FilesystemPlace, filesystemError, saysAbsent } from './filesystem-error.ts';
import { quickly } from './quickly.ts';

// What may wait for a disk or a server goes through the thread pool when it does wait: opening, and reading small files. What
// the system knows of an open file is asked for at once.
const openDescriptor = promisify(openForCallback);
const readDescriptor = promisify(read);

const chunkSize = 256 * 1024;
/** Up to this size a file is read when it is asked for, which costs less than opening it twice. */
const smallSize = chunkSize;

/** What `get` needs: the size of the whole file, and the bytes of the range. */
export interface OpenedFile {
  readonly size: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The file at `place.path`, or `undefined` when there is a directory. No descriptor stays open for a body that nobody reads.
 *
 * Throws what the system says, also that there is nothing.
 */
export async function openFile(
  place: FilesystemPlace,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenedFile | undefined> {
  // Not blocking: a fifo would wait for its writer.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const descriptor = await quickly(
    () => openSync(place.path, flags),
    () => openDescriptor(place.path, flags),
  );
  try {
    const stats = fstatSync(descriptor);
    if (stats.isDirectory()) return undefined;
    if (!stats.isFile()) throw notRegular(place);
    const { start, end } = cutRange(range, stats.size);
    const body =
      end - start <= smallSize
        ? readSmall(await readPart(descriptor, start, end, place, quickly), signal)
        : readLarge(place, stats, start, end, signal);
    return { size: stats.size, body };
  } finally {
    closeSync(descriptor);
  }
}

/** The error for what is neither a file nor a directory. */
export function notRegular({ uri, key, path }: FilesystemPlace): BackendError {
  return new BackendError('backend-io', `'${path}' is not a regular file`, { uri, key });
}

async function* readSmall(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  if (bytes.length > 0) yield bytes;
}

async function* readLarge(
  place: FilesystemPlace,
  expected: Stats,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  let handle: FileHandle | undefined;
  try {
    handle = await open(place.path, 'r');
    const { ino, size } = await handle.stat();
    if (ino !== expected.ino || size !== expected.size) throw replaced(place);
    for (let offset = start; offset < end; offset += chunkSize) {
      const chunk = await readPart(handle.fd, offset, Math.min(offset + chunkSize, end), place, inPool);
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw saysAbsent(error) ? replaced(place) : filesystemError(error, place);
  } finally {
    await handle?.close();
  }
}

/** Large files are read while others compute. */
const inPool: typeof quickly = (_here, there) => there();

async function readPart(
  descriptor: number,
  start: number,
  end: number,
  place: FilesystemPlace,
  how: typeof quickly,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let length = 0; length < bytes.length; ) {
    const [offset, left, position] = [length, bytes.length - length, start + length];
    const bytesRead = await how(
      () => readSync(descriptor, bytes, offset, left, position),
      async () => (await readDescriptor(descriptor, bytes, offset, left, position)).bytesRead,
    );
    if (bytesRead === 0) throw replaced(place);
    length += bytesRead;
  }
  return bytes;
}

function replaced({ uri, key, path }: FilesystemPlace): BackendError {
  return new BackendError('backend-io', `'${path}' was replaced or cut short while it was read`, {
    uri,
    key,
    retryable: true,
  });
}
