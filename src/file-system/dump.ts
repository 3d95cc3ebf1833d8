/**
 * The NAR of a path in the file system.
 *
 * @module
 */
import { read } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import type { NarEntry } from '../nar/index.ts';
import { NarOutput } from '../nar/output.ts';
import { resolvePath } from './byte-path.ts';
import { usesCaseHackByDefault } from './case-hack.ts';
import { checkRead, type LargeFile, unreadable, walk } from './walk.ts';

/** How to dump. */
export interface DumpOptions extends AbortOptions {
  /** Called for each object when its place in the NAR is known: makes a listing of what is dumped. */
  readonly onEntry?: ((entry: NarEntry) => void) | undefined;
  /** Cut Nix's suffix for names that differ in case alone off. @default on macOS, as Nix does */
  readonly useCaseHack?: boolean | undefined;
}

/** The longest time that other work waits while small files are read. */
const sliceMs = 10;

/** How much of a large file is read at once. */
const largeChunkSize = 1024 * 1024;

/**
 * The NAR of a path, byte for byte as `nix-store --dump` writes it.
 *
 * Names are bytes; symlinks are not followed, not even the path itself; a file is executable when its owner may execute it; hard links
 * become files of their own.
 *
 * @throws {@link FileSystemError} `file-unreadable`, `file-type` for a socket, pipe or device, `file-changed` when a file changes its
 * size or kind while it is read, `file-name-collision`, `file-too-deep`; each names the path.
 * @example
 * ```ts
 * for await (const chunk of dumpPath('/nix/store/…-hello')) digest.update(chunk);
 * ```
 */
export async function* dumpPath(
  path: string | Uint8Array,
  options: DumpOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { signal, onEntry, useCaseHack = usesCaseHackByDefault } = options;
  const output = new NarOutput();
  signal?.throwIfAborted();
  let sliceEnd = performance.now() + sliceMs;
  for (const largeFile of walk(output, resolvePath(path), { onEntry, useCaseHack })) {
    if (largeFile !== undefined) {
      yield* output.flush();
      yield* readAhead(largeFile, signal);
      output.skip(largeFile.size);
    } else yield* output.take();
    signal?.throwIfAborted();
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    signal?.throwIfAborted();
    sliceEnd = performance.now() + sliceMs;
  }
  yield* output.flush();
}

/** The contents of a file, the next piece being read in the thread pool while the consumer works on this one. */
async function* readAhead(
  file: LargeFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let left = file.size;
  let next = readPiece(file, left);
  try {
    while (left > 0) {
      const piece = await next;
      signal?.throwIfAborted();
      checkRead(file.path, piece.length, left, file.size);
      left -= piece.length;
      next = readPiece(file, left);
      yield piece;
    }
    checkRead(file.path, (await next).length, left, file.size);
  } finally {
    await next.catch(() => {});
  }
}

/** The next bytes of the file; a byte more than should come is asked for, so that a file that grew is seen. */
function readPiece(file: LargeFile, left: number): Promise<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(Math.min(left + 1, largeChunkSize));
  const promise = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    read(file.descriptor, piece, 0, piece.length, null, (error, length) => {
      if (error === null) resolve(piece.subarray(0, length));
      else reject(unreadable(file.path, 'reading', error));
    });
  });
  // The consumer may be busy when it fails: the error is thrown when it asks for the piece.
  promise.catch(() => {});
  return promise;
}
