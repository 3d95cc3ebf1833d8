/**
 * Directories that are held open while something is done in them.
 *
 * @module
 */
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { type ByteString, toSystemPath } from './byte-path.ts';

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const descriptorFolder = existsSync('/proc/self/fd') ? '/proc/self/fd' : undefined;

/** A directory that is held open. */
export interface OpenDirectory {
  readonly descriptor: number;
  /**
   * A path to the directory. Where the system has `/proc/self/fd` it leads through the descriptor: whoever swaps a directory for a
   * link meanwhile leads nobody elsewhere, and the path is short however deep the directory lies.
   */
  readonly path: ByteString;
  close(): void;
}

/** Hold a directory open. What is a symlink is not followed, but fails. */
export function openDirectory(path: ByteString): OpenDirectory {
  const descriptor = openSync(toSystemPath(path), flags);
  return {
    descriptor,
    path: descriptorFolder === undefined ? path : `${descriptorFolder}/${descriptor}`,
    close: () => closeSync(descriptor),
  };
}
