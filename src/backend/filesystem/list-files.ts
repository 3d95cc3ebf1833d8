/**
 * Walking the directory of a backend.
 *
 * @module
 */
import { type Stats, statSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '../../abort.ts';
import { type BackendEntry, isKey } from '../backend.ts';
import { filesystemError, saysAbsent, systemCodeOf } from './filesystem-error.ts';
import { quickly } from './quickly.ts';
import { isTemporaryFileName } from './temporary-file-name.ts';

/** So many names are read, and asked for their sizes, at a time. */
const batchSize = 256;

/** The regular files under `directory` whose key begins with `prefix`. Symbolic links are followed, but not in a circle. */
export async function* listFiles(
  uri: string,
  directory: string,
  prefix: string,
  { signal }: AbortOptions,
): AsyncGenerator<BackendEntry> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  if (folder !== '' && !isKey(folder.slice(0, -1))) return;
  try {
    yield* walk(directory, folder, prefix, [], signal);
  } catch (error) {
    throw filesystemError(error, { uri, path: join(directory, folder), doing: 'list' });
  }
}

interface Found {
  readonly name: string;
  readonly stats: Stats | undefined;
}

async function* walk(
  directory: string,
  folder: string,
  prefix: string,
  above: readonly Stats[],
  signal: AbortSignal | undefined,
): AsyncGenerator<BackendEntry> {
  const path = join(directory, folder);
  const here = await statOrAbsent(path);
  if (here === undefined || above.some(({ dev, ino }) => dev === here.dev && ino === here.ino)) return;
  const folders: string[] = [];
  for await (const batch of readDirectory(path, (name) => mayLeadTo(prefix, folder + name))) {
    const found = await Promise.all(
      batch.map(async (name): Promise<Found> => ({ name, stats: await statOrAbsent(join(path, name)) })),
    );
    for (const { name, stats } of found) {
      signal?.throwIfAborted();
      const key = folder + name;
      if (stats?.isDirectory() === true) folders.push(`${key}/`);
      else if (stats?.isFile() === true && key.startsWith(prefix) && !isTemporaryFileName(name) && isKey(key))
        yield { key, size: stats.size };
    }
  }
  signal?.throwIfAborted();
  for (const next of folders) yield* walk(directory, next, prefix, [...above, here], signal);
}

function mayLeadTo(prefix: string, key: string): boolean {
  return key.startsWith(prefix) || prefix.startsWith(`${key}/`);
}

async function* readDirectory(path: string, wanted: (name: string) => boolean): AsyncGenerator<string[]> {
  let batch: string[] = [];
  for await (const { name } of await opendir(path, { bufferSize: batchSize })) {
    if (wanted(name)) batch.push(name);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

async function statOrAbsent(path: string): Promise<Stats | undefined> {
  try {
    return await quickly(
      () => statSync(path),
      () => stat(path),
    );
  } catch (error) {
    if (saysAbsent(error) || systemCodeOf(error) === 'ELOOP') return undefined;
    throw error;
  }
}
