/**
 * Sweeping a spool: what processes that were killed have left, and what is not as it should be.
 *
 * @module
 */
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '../abort.ts';
import { formatStorePath } from '../store-path.ts';
import type { SpoolPlace } from './add-record.cts';
import { fileNames } from './file-names.ts';
import { gcRootNames, makeGcRoots } from './gc-roots.cts';
import { parseRecordId, readRecordFile } from './record.ts';

/** So long no process takes to add a record: whatever has its number by then is another. */
const longestLifeMs = 24 * 60 * 60 * 1000;

/** Sweep a spool of what is older than so long and whose process is dead. */
export async function sweepSpool(
  { directory, gcRootsDirectory }: SpoolPlace,
  olderThanMs: number,
  { signal }: AbortOptions = {},
): Promise<void> {
  // By the distance: a clock that was set back must not keep it for years.
  const ageMs = (timeMs: number): number => Math.abs(Date.now() - timeMs);
  const isLeftOver = (name: string, timeMs: number): boolean =>
    ageMs(timeMs) >= olderThanMs && (ageMs(timeMs) >= longestLifeMs || !isAlive(parseRecordId(name)?.processId));

  const temporaries = join(directory, 'tmp');
  for await (const name of namesSeen(temporaries)) {
    signal?.throwIfAborted();
    const path = join(temporaries, name);
    const timeMs = (await lstat(path).catch(() => undefined))?.mtimeMs;
    if (timeMs !== undefined && isLeftOver(name, timeMs)) await rm(path, { force: true, recursive: true });
  }

  const commands = join(directory, 'commands');
  for await (const name of namesSeen(commands)) {
    signal?.throwIfAborted();
    const path = join(commands, name);
    const timeMs = (await lstat(path).catch(() => undefined))?.mtimeMs;
    // Those that were never finished.
    if (name.startsWith('.') && timeMs !== undefined && ageMs(timeMs) >= olderThanMs) await rm(path, { force: true });
  }

  // Roots before records: a root whose record is not there yet belongs to a hook that runs.
  const rootsWithoutRecord = new Set<string>();
  if (gcRootsDirectory !== false) for await (const name of namesSeen(gcRootsDirectory)) rootsWithoutRecord.add(name);
  const idsWithoutRoots: string[] = [];
  for await (const name of namesSeen(join(directory, 'incoming'))) {
    signal?.throwIfAborted();
    const id = name.replace(/\.json$/, '');
    const pathCount = name === id ? undefined : parseRecordId(id)?.pathCount;
    if (pathCount === undefined) await moveAway(directory, name);
    else if (gcRootsDirectory !== false) {
      const lacking = gcRootNames(id, pathCount).filter((root) => !rootsWithoutRecord.delete(root));
      if (lacking.length > 0) idsWithoutRoots.push(id);
    }
  }
  if (gcRootsDirectory === false) return;
  for (const name of rootsWithoutRecord) {
    signal?.throwIfAborted();
    const id = name.slice(0, name.lastIndexOf('-'));
    const record = parseRecordId(id);
    if (record === undefined || !isLeftOver(id, record.timeMs)) continue;
    if (!(await isThere(join(directory, 'incoming', `${id}.json`))))
      await rm(join(gcRootsDirectory, name), { force: true });
  }
  for (const id of idsWithoutRoots) {
    signal?.throwIfAborted();
    const file = join(directory, 'incoming', `${id}.json`);
    const record = await readRecordFile(file, id).catch(() => undefined);
    if (record === undefined) continue;
    const paths = record.paths.map((path) => formatStorePath(path, record.storeDir));
    makeGcRoots(gcRootsDirectory, id, paths);
    // The worker may have been done with it meanwhile.
    if (!(await isThere(file)))
      for (const name of gcRootNames(id, paths.length)) await rm(join(gcRootsDirectory, name), { force: true });
  }
}

/** A user who may not see the roots cannot mend them. */
async function* namesSeen(directory: string): AsyncGenerator<string> {
  try {
    yield* fileNames(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function moveAway(directory: string, name: string): Promise<void> {
  await mkdir(join(directory, 'damaged'), { recursive: true });
  await rename(join(directory, 'incoming', name), join(directory, 'damaged', name));
}

/** Does a process with this id run? */
function isAlive(processId: number | undefined): boolean {
  if (processId === undefined) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
