/**
 * Clearing what killed processes left half written.
 *
 * @module
 */
import { lstat, opendir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { AbortOptions } from '../../abort.ts';
import { filesystemError, saysAbsent } from './filesystem-error.ts';
import { isTemporaryFileName } from './temporary-file-name.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** How to clear. */
export interface ClearTemporaryFilesOptions extends AbortOptions {
  /** Files that were written to since are left to whoever writes them. A day when absent. */
  readonly olderThanMs?: number | undefined;
  /** Only those of the process with this id, of whatever machine. All when absent. */
  readonly processId?: number | undefined;
}

/**
 * Remove the temporary files, narkit's and Nix's, that nobody has written to for a day.
 *
 * A process that is killed while it puts an object leaves its temporary file. No reader and no listing shows it; this takes
 * it away. The process ids in the names are not asked: the writer may be another machine's or container's. Symbolic links
 * are not followed.
 *
 * @returns the paths of the files that were removed.
 * @example
 * ```ts
 * await clearTemporaryFiles('/srv/cache', { olderThanMs: 60 * 60 * 1000 });
 * ```
 */
export async function clearTemporaryFiles(
  directory: string,
  { olderThanMs = dayMs, processId, signal }: ClearTemporaryFilesOptions = {},
): Promise<string[]> {
  signal?.throwIfAborted();
  const root = resolve(directory);
  const removed: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for await (const entry of await opendir(folder)) {
        signal?.throwIfAborted();
        const path = join(folder, entry.name);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() && isTemporaryFileName(entry.name, processId) && (await removeIfOld(path, olderThanMs)))
          removed.push(path);
      }
    } catch (error) {
      if (saysAbsent(error) && folder !== root) continue;
      throw filesystemError(error, { uri: root, path: folder, doing: 'clear' });
    }
  }
  return removed;
}

async function removeIfOld(path: string, olderThanMs: number): Promise<boolean> {
  try {
    if (Date.now() - (await lstat(path)).mtimeMs < olderThanMs) return false;
    await rm(path);
    return true;
  } catch (error) {
    if (saysAbsent(error)) return false;
    throw error;
  }
}
