/**
 * A binary cache in a directory, laid out as Nix's `file://` store lays it out.
 *
 * @module
 */
import { lstat, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Backend, BackendError, type Content, checkKey, type PutOptions } from '../backend.ts';
import { contentOfBytes, readContent } from '../content.ts';
import { checkRange } from '../range.ts';
import { type FilesystemPlace, filesystemError, saysAbsent, systemCodeOf } from './filesystem-error.ts';
import { listFiles } from './list-files.ts';
import { notRegular, openFile } from './read-file.ts';
import { createDirectorySync } from './sync-directory.ts';
import { createTemporaryFile, type TemporaryFile } from './temporary-file.ts';
import { isTemporaryFileName } from './temporary-file-name.ts';

/** Where staged objects are written: NARs are what is staged, and this is where Nix keeps them. */
const stagingFolder = 'nar';

/** A backend in a directory; it lists and stages. */
export type FilesystemBackend = Backend & Required<Pick<Backend, 'list' | 'stage'>>;

/**
 * Objects as files of a directory, which is made when the first object is put.
 *
 * An object is written to a temporary file beside its place, synced (`fdatasync`), renamed, and its directory synced: a power
 * cut leaves the old object or the new one, and what `put` returned for is there afterwards. A process that is killed leaves
 * at most temporary files, which no reader sees and `clearTemporaryFiles` takes away.
 *
 * A key cannot leave the directory. A symbolic link that lies in it is followed, as Nix does: whoever may write there decides
 * where `nar` leads to.
 *
 * There is no place for a `Content-Encoding` beside a file: putting one is a TypeError.
 *
 * @example
 * ```ts
 * const backend = createFilesystemBackend('/srv/cache');
 * await backend.put('nix-cache-info', new TextEncoder().encode('StoreDir: /nix/store\n'));
 * ```
 */
export function createFilesystemBackend(directory: string): FilesystemBackend {
  const root = resolve(directory);
  const uri = pathToFileURL(root).href;
  const syncDirectory = createDirectorySync();
  const placeOf = (key: string, doing: FilesystemPlace['doing']): FilesystemPlace => ({
    uri,
    key,
    path: join(root, checkKeyHere(key)),
    doing,
  });
  /** Run `task`; what the system says against it becomes an error that names the place. */
  const at = async <T>(place: FilesystemPlace, task: () => Promise<T>): Promise<T> => {
    try {
      return await task();
    } catch (error) {
      throw filesystemError(error, place);
    }
  };
  /** The same, and `undefined` where the system says that there is nothing. */
  const orAbsent = async <T>(place: FilesystemPlace, task: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await task();
    } catch (error) {
      if (!saysAbsent(error)) throw filesystemError(error, place);
      if (systemCodeOf(error) === 'ENOTDIR') await checkRoot(root, uri);
      return undefined;
    }
  };
  const commit = async (
    file: TemporaryFile,
    place: FilesystemPlace,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    await file.sync();
    signal?.throwIfAborted();
    await file.rename(place.path);
    await syncDirectory(dirname(place.path));
  };

  return {
    uri,
    async get(key, { signal, range } = {}) {
      const place = placeOf(key, 'read');
      if (range !== undefined) checkRange(range);
      signal?.throwIfAborted();
      if (isTemporaryFileName(key)) return undefined;
      const file = await orAbsent(place, () => openFile(place, range, signal));
      signal?.throwIfAborted();
      return file && { key, ...file };
    },
    async head(key, { signal } = {}) {
      const place = placeOf(key, 'read');
      signal?.throwIfAborted();
      if (isTemporaryFileName(key)) return undefined;
      const stats = await orAbsent(place, () => stat(place.path));
      signal?.throwIfAborted();
      if (stats === undefined || stats.isDirectory()) return undefined;
      if (!stats.isFile()) throw notRegular(place);
      return { size: stats.size };
    },
    async put(key, content, options = {}) {
      const place = placeOf(key, 'write');
      refuseWhatCannotBe(key, options);
      const { signal } = options;
      signal?.throwIfAborted();
      const source: Content = content instanceof Uint8Array ? contentOfBytes(content) : content;
      const file = await at(place, () => createTemporaryFile(dirname(place.path), syncDirectory));
      try {
        for await (const chunk of readContent(source, { uri, key, signal }).chunks)
          await at(place, () => file.write(chunk));
        await at(place, () => commit(file, place, signal));
      } catch (error) {
        await file.remove().catch(() => undefined);
        throw error;
      }
    },
    async delete(key, { signal } = {}) {
      const place = placeOf(key, 'delete');
      signal?.throwIfAborted();
      if (isTemporaryFileName(key)) return;
      await orAbsent(place, () => removeFile(place.path));
    },
    list: (prefix, options = {}) => listFiles(uri, root, prefix, options),
    async stage({ signal } = {}) {
      signal?.throwIfAborted();
      const folder: FilesystemPlace = { uri, path: join(root, stagingFolder), doing: 'write' };
      const file = await at(folder, () => createTemporaryFile(folder.path, syncDirectory));
      let state: 'open' | 'committed' | 'aborted' = 'open';
      const checkOpen = (): void => {
        if (state !== 'open') throw new TypeError(`this staged object was ${state} before`);
      };
      return {
        async write(chunk) {
          checkOpen();
          signal?.throwIfAborted();
          await at(folder, () => file.write(chunk));
        },
        async commit(key, options = {}) {
          checkOpen();
          const place = placeOf(key, 'write');
          refuseWhatCannotBe(key, options);
          options.signal?.throwIfAborted();
          await at(place, () => commit(file, place, options.signal));
          state = 'committed';
        },
        async abort() {
          if (state !== 'open') return;
          state = 'aborted';
          await at(folder, () => file.remove());
        },
      };
    },
  };
}

/** On Windows more characters than `/` lead elsewhere. */
function checkKeyHere(key: string): string {
  if (process.platform === 'win32' && /[\\:]/.test(key))
    throw new TypeError(`'${key}' cannot be a key in a directory of Windows`);
  return checkKey(key);
}

function refuseWhatCannotBe(key: string, { contentEncoding }: PutOptions): void {
  if (isTemporaryFileName(key))
    throw new TypeError(`'${key}' has a name as temporary files have, and would not be seen`);
  if (contentEncoding !== undefined)
    throw new TypeError(`a file has no place for the content encoding '${contentEncoding}' of '${key}'`);
}

/** @throws BackendError when something other than a directory is in its place. */
async function checkRoot(root: string, uri: string): Promise<void> {
  const stats = await stat(root).catch(() => undefined);
  if (stats !== undefined && !stats.isDirectory())
    throw new BackendError('backend-io', `'${root}' is not a directory, and a cache of files must be one`, { uri });
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // A directory is no object, so the object is not there (Linux says EISDIR, others EPERM).
    if ((await lstat(path)).isDirectory()) return;
    throw error;
  }
}
