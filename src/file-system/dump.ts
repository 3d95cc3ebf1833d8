/**
 * The NAR of a path in the file system.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import type { NarEntry } from '../nar/index.ts';
import { defaultChunkSize, NarOutput } from '../nar/output.ts';
import { resolvePath } from './byte-path.ts';
import { usesCaseHackByDefault } from './case-hack.ts';
import { walk } from './walk.ts';

/** How to dump. */
export interface DumpOptions extends AbortOptions {
  /** Called for each object when its place in the NAR is known: makes a listing of what is dumped. */
  readonly onEntry?: ((entry: NarEntry) => void) | undefined;
  /** Cut Nix's suffix for names that differ in case alone off. @default on macOS, as Nix does */
  readonly useCaseHack?: boolean | undefined;
}

/** Of what is beyond it, chunks have this many bytes: as many as a frame of zstd, which is then made of a chunk without a copy. */
const largeChunkSize = 2 * 1024 * 1024;

/** The longest time that other work waits while files are read. */
const sliceMs = 10;

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
  const output = new NarOutput(allocate);
  signal?.throwIfAborted();
  let sliceEnd = performance.now() + sliceMs;
  for (const _ of walk(output, resolvePath(path), { onEntry, useCaseHack })) {
    yield* output.take();
    signal?.throwIfAborted();
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    signal?.throwIfAborted();
    sliceEnd = performance.now() + sliceMs;
  }
  yield* output.finish();
}

/** Memory that is not zeroed first, and not part of a pool. */
function allocate(offset: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(offset < largeChunkSize ? defaultChunkSize : largeChunkSize).buffer);
}
