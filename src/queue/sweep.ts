/**
 * Sweeping a spool: what processes that were killed have left, and what is not as it should be.
 *
 * @module
 */
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatStorePath } from '../store-path.ts';
import type { SpoolPlace } from './add-record.cts';
import { gcRootNames, makeGcRoots } from './gc-roots.cts';
import { parseRecordId, readRecordFile } from './record.ts';

/** Sweep a spool of what is older and whose process is dead. */
export async function sweepSpool({ directory, gcRootsDirectory }: SpoolPlace, olderThanMs: number): Promise<void> {
  // By the distance: a clock that was set back must not keep it for years.
  const isOld = (timeMs: number): boolean => Math.abs(Date.now() - timeMs) >= olderThanMs;
  const isLeftOver = (name: string, timeMs: number): boolean =>
    isOld(timeMs) && !isAlive(parseRecordId(name)?.processId);

  const temporaries = join(directory, 'tmp');
  for (const name of await list(temporaries)) {
    const path = join(temporaries, name);
    const timeMs = (await lstat(path).catch(() => undefined))?.mtimeMs;
    if (timeMs !== undefined && isLeftOver(name, timeMs)) await rm(path, { force: true, recursive: true });
  }

  const commands = join(directory, 'commands');
  for (const name of await list(commands)) {
    const path = join(commands, name);
    const timeMs = (await lstat(path).catch(() => undefined))?.mtimeMs;
    // Those that were never finished.
    if (name.startsWith('.') && timeMs !== undefined && isOld(timeMs)) await rm(path, { force: true });
  }

  // Roots before records: a root whose record is not there yet belongs to a hook that runs.
  const roots = new Set(gcRootsDirectory === false ? [] : await list(gcRootsDirectory));
  const ids = new Set<string>();
  for (const name of await list(join(directory, 'incoming'))) {
    const id = name.replace(/\.json$/, '');
    if (name === id || parseRecordId(id) === undefined) await moveAway(directory, name);
    else ids.add(id);
  }
  if (gcRootsDirectory === false) return;
  for (const name of roots) {
    const id = name.slice(0, name.lastIndexOf('-'));
    const record = parseRecordId(id);
    if (record !== undefined && !ids.has(id) && isLeftOver(id, record.timeMs))
      await rm(join(gcRootsDirectory, name), { force: true });
  }
  for (const id of ids) {
    if (gcRootNames(id, parseRecordId(id)?.pathCount ?? 0).every((name) => roots.has(name))) continue;
    const file = join(directory, 'incoming', `${id}.json`);
    const record = await readRecordFile(file, id).catch(() => undefined);
    if (record === undefined) continue;
    const paths = record.paths.map((path) => formatStorePath(path, record.storeDir));
    makeGcRoots(gcRootsDirectory, id, paths);
    // The worker may have been done with it meanwhile.
    if ((await lstat(file).catch(() => undefined)) === undefined)
      for (const name of gcRootNames(id, paths.length)) await rm(join(gcRootsDirectory, name), { force: true });
  }
}

async function moveAway(directory: string, name: string): Promise<void> {
  await mkdir(join(directory, 'damaged'), { recursive: true });
  await rename(join(directory, 'incoming', name), join(directory, 'damaged', name));
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    // A user who may not see the roots cannot mend them.
    if (error.code === 'ENOENT' || error.code === 'EACCES') return [];
    throw error;
  });
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
