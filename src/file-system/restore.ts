/**
 * A NAR to a path in the file system.
 *
 * @module
 */
import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import { observeNar } from '../nar/index.ts';
import { type ByteString, resolvePath, toSystemPath, toText } from './byte-path.ts';
import { usesCaseHackByDefault } from './case-hack.ts';
import { FileSystemError, systemCodeOf, systemReason } from './file-system-error.ts';
import { createNarRestorer } from './nar-restorer.ts';
import { removeTree } from './remove-tree.ts';

/** How to restore. */
export interface RestoreOptions extends AbortOptions {
  /**
   * Give the modes and times that a Nix store has: 0444 for files, 0555 for executable ones and directories, one second after 1970.
   * Otherwise files are 0666 and directories 0777, executable ones with 0111 more, less the umask.
   *
   * @default false
   */
  readonly canonical?: boolean | undefined;
  /** Keep names that differ in case alone apart by Nix's suffix. @default on macOS, as Nix does */
  readonly useCaseHack?: boolean | undefined;
}

/** The longest time that other work waits while files are written. */
const sliceMs = 10;

/**
 * Restore a NAR.
 *
 * The tree is built beside the destination, under a name that begins with `.narkit-`, and appears there when all of the NAR has been
 * read and found well formed: whatever fails, nothing is left. Nothing that exists is written to, and no symlink is followed.
 *
 * @param destination must not exist; its directory must.
 * @throws NarFormatError for what is no NAR, {@link FileSystemError} `file-exists`, `file-name-collision` when the file system takes
 * two names for one, `file-unwritable`; and what the source throws.
 * @example
 * ```ts
 * await restorePath(dumpPath('/nix/store/…-hello'), 'hello', { canonical: true });
 * ```
 */
export async function restorePath(
  source: AsyncIterable<Uint8Array>,
  destination: string | Uint8Array,
  options: RestoreOptions = {},
): Promise<void> {
  const { signal, canonical = false, useCaseHack = usesCaseHackByDefault } = options;
  const target = resolvePath(destination);
  refuseExisting(target);
  const temporary = temporaryPathBeside(target);
  const restorer = createNarRestorer(temporary, { canonical, useCaseHack });
  try {
    let sliceEnd = performance.now() + sliceMs;
    signal?.throwIfAborted();
    for await (const _ of observeNar(source, restorer)) {
      signal?.throwIfAborted();
      if (performance.now() < sliceEnd) continue;
      await setImmediate();
      signal?.throwIfAborted();
      sliceEnd = performance.now() + sliceMs;
    }
    moveInto(temporary, target);
  } catch (error) {
    restorer.close();
    removeTree(temporary);
    throw error;
  }
}

function temporaryPathBeside(target: ByteString): ByteString {
  const folder = posix.dirname(target);
  return posix.join(folder, `.narkit-${crypto.randomUUID()}`);
}

function refuseExisting(target: ByteString): void {
  if (lstatSync(toSystemPath(target), { throwIfNoEntry: false }) !== undefined) throw alreadyThere(target);
}

/** Make the tree appear at the destination, where nothing may be. */
function moveInto(temporary: ByteString, target: ByteString): void {
  try {
    const from = toSystemPath(temporary);
    if (lstatSync(from).isDirectory()) renameToNothing(from, target);
    else moveFile(from, target);
  } catch (error) {
    if (error instanceof FileSystemError) throw error;
    if (systemCodeOf(error) === 'EEXIST') throw alreadyThere(target, error);
    const text = toText(target);
    throw new FileSystemError('file-unwritable', `creating '${text}': ${systemReason(error)}`, text, { cause: error });
  }
}

/** Never replaces more than an empty directory that appeared a moment ago. */
function renameToNothing(from: string | Buffer, target: ByteString): void {
  refuseExisting(target);
  renameSync(from, toSystemPath(target));
}

/** A rename would replace what is there, a hard link does not. */
function moveFile(from: string | Buffer, target: ByteString): void {
  try {
    linkSync(from, toSystemPath(target));
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') throw error;
    // The file system has no hard links.
    renameToNothing(from, target);
    return;
  }
  unlinkSync(from);
}

function alreadyThere(target: ByteString, cause?: unknown): FileSystemError {
  const text = toText(target);
  return new FileSystemError('file-exists', `creating '${text}': File exists`, text, { cause });
}
