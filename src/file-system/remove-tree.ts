/**
 * Removing what a restore left.
 *
 * @module
 */
import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { type ByteString, toSystemPath } from './byte-path.ts';
import { systemCodeOf } from './file-system-error.ts';
import { openDirectory } from './open-directory.ts';

/** Remove a path with all that is in it, also from directories that are not writable. What is not there is no error. */
export function removeTree(path: ByteString): void {
  const systemPath = toSystemPath(path);
  if (!isDirectory(systemPath)) {
    removeFile(systemPath);
    return;
  }
  chmodSync(systemPath, 0o700);
  const directory = openDirectory(path);
  try {
    for (const name of readdirSync(toSystemPath(directory.path), 'latin1')) removeTree(`${directory.path}/${name}`);
  } finally {
    directory.close();
  }
  rmdirSync(systemPath);
}

function isDirectory(path: string | Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function removeFile(path: string | Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
}
