/**
 * Adding a record to a spool. This is what the hook does after each build: it is CommonJS and synchronous, for Node is quickest so.
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { defaultQueueDirectory } from '../config/hook-settings.cts';
import { gcRootNames, makeGcRoots } from './gc-roots.cts';

/** Where records and roots go. */
export interface SpoolPlace {
  readonly directory: string;
  readonly gcRootsDirectory: string | false;
}

/** What a record says, as its file does: full store paths. */
export interface RecordContents {
  readonly storeDir: string;
  readonly paths: readonly string[];
  readonly derivation?: string | undefined;
  readonly tag?: string | undefined;
}

/** The folders of a spool. */
const spoolFolders = ['incoming', 'tmp', 'damaged', 'commands', 'lock'] as const;

/**
 * Write a record, and make roots for its paths. When this returns, it is on disk for good.
 *
 * @param isLate asked before each step that may take long: `true` ends it with an error.
 * @returns the record's id.
 * @throws Error, whose message says what to do, when the spool cannot take it. Nothing of it is left, then.
 */
export function addRecord(place: SpoolPlace, contents: RecordContents, isLate: () => boolean = () => false): string {
  const timeMs = Date.now();
  const id = createRecordId(timeMs, contents.paths.length);
  const text = `${JSON.stringify({ version: 1, time: timeMs, ...contents })}\n`;
  const add = (): void => writeRecord(place, id, text, contents.paths, isLate);
  try {
    try {
      add();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      makeSpool(place.directory);
      add();
    }
    return id;
  } catch (error) {
    throw new Error(`the queue '${place.directory}' cannot take what was built: ${reasonOf(error)}`, { cause: error });
  }
}

/** Time first, in as many digits until the year 2286: ids sort as texts do. */
function createRecordId(timeMs: number, pathCount: number): string {
  const random = Math.floor(Math.random() * 2 ** 52).toString(36);
  return `${String(timeMs).padStart(13, '0')}-${pathCount}-${process.pid}-${random}`;
}

function writeRecord(
  { directory, gcRootsDirectory }: SpoolPlace,
  id: string,
  text: string,
  paths: readonly string[],
  isLate: () => boolean,
): void {
  const temporary = join(directory, 'tmp', id);
  const incoming = join(directory, 'incoming');
  const goOn = (): void => {
    if (isLate()) throw new Error('its disk is too slow');
  };
  goOn();
  const file = openSync(temporary, 'wx', 0o640);
  try {
    try {
      writeFileSync(file, text);
      makeGcRoots(gcRootsDirectory, id, paths, isLate);
      goOn();
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(incoming, `${id}.json`));
  } catch (error) {
    remove(temporary);
    if (gcRootsDirectory !== false)
      for (const name of gcRootNames(id, paths.length)) remove(join(gcRootsDirectory, name));
    throw error;
  }
  syncDirectory(incoming);
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The worker sweeps what is left.
  }
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } catch (error) {
    // Some file systems cannot sync a directory, and have no need to.
    if (!/^(EINVAL|ENOTSUP)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Make a spool, or what is missing of it. The directories above it are made for the usual one only: of another, one may be where
 * something is to be mounted.
 */
export function makeSpool(directory: string): void {
  makeDirectory(directory, directory === defaultQueueDirectory);
  const { mode } = statSync(directory);
  for (const folder of spoolFolders) {
    const path = join(directory, folder);
    // Whoever the operator lets into the spool gets into all of it, whatever the umask.
    if (makeDirectory(path, false)) chmodSync(path, mode & 0o7777);
  }
}

function makeDirectory(path: string, recursive: boolean): boolean {
  try {
    mkdirSync(path, { recursive, mode: 0o750 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

const elsewhere = `or name another directory in the configuration file, [queue] directory`;
const reasons: Readonly<Record<string, string>> = {
  ENOENT: `the directory above it is missing: make it, ${elsewhere}`,
  ENOTDIR: `something above it is not a directory: remove it, ${elsewhere}`,
  EACCES: `this user may not write there: change the directory's owner or mode, ${elsewhere}`,
  EPERM: `this user may not write there: change the directory's owner or mode, ${elsewhere}`,
  EROFS: `it is on a read-only file system: mount that writable, ${elsewhere}`,
  ENOSPC: 'no space is left on the device: make room there',
  EDQUOT: `the user's disk quota is used up: make room there`,
};

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}
