/**
 * Making names durable: a file that was renamed is there after a power cut only when its directory was synced.
 *
 * @module
 */
import { open } from 'node:fs/promises';
import { systemCodeOf } from './filesystem-error.ts';

/**
 * A function that syncs a directory. Calls that come while a sync of the same directory runs share the next one, so that
 * many files that appear at once cost few syncs.
 */
export function createDirectorySync(): (directory: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();

  const start = (directory: string): Promise<void> => {
    const sync = syncDirectory(directory).finally(() => {
      if (running.get(directory) === sync) running.delete(directory);
    });
    running.set(directory, sync);
    return sync;
  };

  return (directory) => {
    const now = running.get(directory);
    if (now === undefined) return start(directory);
    const next = waiting.get(directory);
    if (next !== undefined) return next;
    const last = now
      .catch(() => undefined)
      .then(() => {
        waiting.delete(directory);
        return start(directory);
      });
    waiting.set(directory, last);
    return last;
  };
}

/** Some file systems (and Windows) cannot sync a directory, and have no need to. */
const cannotSync: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EISDIR']);

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!cannotSync.has(systemCodeOf(error))) throw error;
  } finally {
    await handle.close();
  }
}
