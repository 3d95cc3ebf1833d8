/**
 * Directories to break: a small disk, a read-only one, one of somebody else's.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory, and what takes it away. */
export interface Place {
  readonly directory: string;
  remove(): void;
}

export function createPlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'narkit-filesystem-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A real file system in memory (needs root), with mount options such as `size=64k`. */
export function createMountedPlace(options: string): Place & { remount(options: string): void } {
  const place = createPlace();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place.directory]);
  return {
    directory: place.directory,
    remount: (changed) => void execFileSync('mount', ['-o', `remount,${changed}`, place.directory]),
    remove() {
      execFileSync('umount', [place.directory]);
      place.remove();
    },
  };
}

/** Run as the user nobody, whom permissions stop; only root can, and only in a process of its own. */
export async function asNobody<T>(task: () => Promise<T>): Promise<T> {
  process.seteuid!(65534);
  try {
    return await task();
  } finally {
    process.seteuid!(0);
  }
}
