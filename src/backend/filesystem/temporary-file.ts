/**
 * A file on its way to its name: written beside it, synced, renamed.
 *
 * @module
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCodeOf } from './filesystem-error.ts';
import { createTemporaryFileName } from './temporary-file-name.ts';

/** Gathered before a write, so that small chunks do not cost a system call each. */
const writeSize = 256 * 1024;
/** Waiting to be written at most, while the producer goes on. */
const maximumPending = 4 * writeSize;
/** Written at most before the disk is set to work: what it has at the end of a large file is what a sync waits for. */
const syncSize = 32 * 1024 * 1024;

/** A file that has no name yet that a reader would look for. */
export interface TemporaryFile {
  /** Takes the chunk; waits only while much is yet to be written. An error may concern chunks before. */
  write(chunk: Uint8Array): Promise<void>;
  /** Write what is left, and get it onto the disk. */
  sync(): Promise<void>;
  /** Give the synced file its name, in place of what has it. Makes the directories above; the caller syncs the last one. */
  rename(path: string): Promise<void>;
  /** Leave nothing behind. */
  remove(): Promise<void>;
}

/** Create a temporary file in `directory`, which is made when it is missing. */
export async function createTemporaryFile(
  directory: string,
  syncDirectory: (directory: string) => Promise<void>,
): Promise<TemporaryFile> {
  const { handle, path: temporaryPath } = await openNew(directory, syncDirectory);
  let pending: Uint8Array[] = [];
  let pendingSize = 0;
  let writing: Promise<void> | undefined;
  let unsyncedSize = 0;
  let syncing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const startSyncing = (): void => {
    unsyncedSize = 0;
    syncing = handle
      .datasync()
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => {
        syncing = undefined;
      });
  };
  const startWriting = (): void => {
    const chunks = pending;
    unsyncedSize += pendingSize;
    pending = [];
    pendingSize = 0;
    writing = writeAll(handle, chunks)
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => {
        writing = undefined;
        if (unsyncedSize >= syncSize && syncing === undefined) startSyncing();
      });
  };
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.error;
  };

  return {
    async write(chunk) {
      throwFailure();
      pending.push(chunk);
      pendingSize += chunk.length;
      if (pendingSize >= maximumPending) await writing;
      throwFailure();
      if (pendingSize >= writeSize && writing === undefined) startWriting();
    },
    async sync() {
      while (writing !== undefined || pending.length > 0) {
        if (writing === undefined) startWriting();
        await writing;
        throwFailure();
      }
      await syncing;
      throwFailure();
      await handle.datasync();
      await handle.close();
    },
    async rename(path) {
      try {
        await rename(temporaryPath, path);
      } catch (error) {
        if (systemCodeOf(error) !== 'ENOENT') throw error;
        await makeDirectory(dirname(path), syncDirectory);
        await rename(temporaryPath, path);
      }
    },
    async remove() {
      await writing;
      await syncing;
      await handle.close().catch(() => undefined);
      await rm(temporaryPath, { force: true });
    },
  };
}

async function openNew(
  directory: string,
  syncDirectory: (directory: string) => Promise<void>,
): Promise<{ readonly handle: FileHandle; readonly path: string }> {
  for (let attempt = 1; ; attempt++) {
    const path = join(directory, createTemporaryFileName());
    try {
      return { handle: await open(path, 'wx'), path };
    } catch (error) {
      const code = systemCodeOf(error);
      if (attempt === 3 || (code !== 'ENOENT' && code !== 'EEXIST')) throw error;
      if (code === 'ENOENT') await makeDirectory(directory, syncDirectory);
    }
  }
}

/**
 * Make a directory and those above it, each durable.
 *
 * Not mkdir's `recursive`, which says ENOENT where the disk is full or read-only.
 */
async function makeDirectory(directory: string, syncDirectory: (directory: string) => Promise<void>): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'EEXIST' && (await isDirectory(directory))) return;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
    await makeDirectory(dirname(directory), syncDirectory);
    await mkdir(directory).catch(async (second: unknown) => {
      if (!(await isDirectory(directory))) throw second;
    });
  }
  await syncDirectory(dirname(directory));
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest);
    rest = withoutFirst(rest, bytesWritten);
  }
}

/** The chunks without their first `size` bytes: the system may write less than it was given. */
function withoutFirst(chunks: readonly Uint8Array[], size: number): readonly Uint8Array[] {
  let left = size;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.length;
  }
  return [];
}
