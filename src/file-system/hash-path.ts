/**
 * The NAR hash of a path, as fast as the machine can.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import type { Hash, HashAlgorithm } from '../hash/index.ts';
import { NarOutput } from '../nar/output.ts';
import { resolvePath } from './byte-path.ts';
import { usesCaseHackByDefault } from './case-hack.ts';
import { HashSlots, slotSize } from './hash-slots.ts';
import { pieceSize } from './read-ahead.ts';
import { largeFileSize, walk } from './walk.ts';

/** How to hash. */
export interface HashPathOptions extends AbortOptions {
  /** @default sha256 */
  readonly algorithm?: HashAlgorithm | undefined;
  /** Cut Nix's suffix for names that differ in case alone off. @default on macOS, as Nix does */
  readonly useCaseHack?: boolean | undefined;
}

/** The hash of a NAR, and its bytes. */
export interface NarDigest {
  readonly hash: Hash;
  readonly narSize: number;
}

/** How many slots may become full between two stops of the walk. */
const slotsInOneGo = largeFileSize / slotSize + 1;

/**
 * Trees whose files are smaller than this on average are hashed in a second thread: there opening files costs as much as hashing.
 * For larger ones it does not pay, as bytes come slower out of another core's cache.
 */
const smallFileSize = 64 * 1024;

/** The longest time that other work waits. */
const sliceMs = 10;

/**
 * What `nix hash path` prints: the hash of the NAR of a path. Nothing is kept of the NAR.
 *
 * @throws {@link FileSystemError} as {@link dumpPath}.
 * @example
 * ```ts
 * const { hash, narSize } = await hashPath('/nix/store/…-hello');
 * ```
 */
export async function hashPath(path: string | Uint8Array, options: HashPathOptions = {}): Promise<NarDigest> {
  const { algorithm = 'sha256', signal, useCaseHack = usesCaseHackByDefault } = options;
  if (algorithm === 'blake3') return hashDump(path, algorithm, options);
  signal?.throwIfAborted();
  const slots = new HashSlots(algorithm);
  try {
    const output = new NarOutput(() => slots.nextSlot());
    let sliceEnd = performance.now() + sliceMs;
    for (const { fileCount, large } of walk(output, resolvePath(path), { useCaseHack })) {
      for (const chunk of output.take()) slots.fill(chunk.length);
      const largeSize = large?.size ?? 0;
      const inThread = output.offset + largeSize < fileCount * smallFileSize;
      if (large !== undefined && largeSize >= pieceSize && (await slots.readsAhead(inThread))) {
        large.take();
        await slots.readAhead(output.cut(largeSize), large, signal);
      }
      await slots.room(slotsInOneGo, inThread);
      if (performance.now() < sliceEnd) continue;
      await setImmediate();
      signal?.throwIfAborted();
      sliceEnd = performance.now() + sliceMs;
    }
    for (const chunk of output.take()) slots.fill(chunk.length);
    if (output.used > 0) slots.fill(output.used);
    return { hash: { algorithm, digest: await slots.digest() }, narSize: output.offset };
  } finally {
    await slots.close();
  }
}

/** With a hash that is not Node's own. */
async function hashDump(
  path: string | Uint8Array,
  algorithm: HashAlgorithm,
  options: HashPathOptions,
): Promise<NarDigest> {
  const [{ createHasher }, { dumpPath }] = await Promise.all([import('../hash/index.ts'), import('./dump.ts')]);
  const hasher = createHasher(algorithm);
  let narSize = 0;
  for await (const chunk of dumpPath(path, options)) {
    hasher.update(chunk);
    narSize += chunk.length;
  }
  return { hash: hasher.digest(), narSize };
}
