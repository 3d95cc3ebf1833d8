/**
 * Roots for the garbage collector: what waits must not be collected. A set of symbolic links for each record, so that a hook that
 * comes and a worker that removes share nothing. Nix takes every link to a store path in `gcroots` and the directories below it for a
 * root (`src/libstore/gc.cc`, `findRoots`).
 *
 * @module
 */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Where the roots of what waits lie unless told otherwise: below the local Nix's state directory, which `NIX_STATE_DIR` may name. */
export function defaultGcRootsDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.NIX_STATE_DIR || '/nix/var/nix', 'gcroots/narkit');
}

/** The names of a record's roots, in the order of its paths. */
export function gcRootNames(id: string, pathCount: number): string[] {
  return Array.from({ length: pathCount }, (_, index) => `${id}-${index}`);
}

/**
 * Make the roots of a record; those that are there stay. A user who may not make them, or a machine without a Nix, goes without: what
 * is built is queued all the same, and the worker, who may have more rights, tries again.
 *
 * @param paths full store paths, in the order of the record.
 * @param isLate asked between two roots: `true` ends it.
 */
export function makeGcRoots(
  directory: string | false,
  id: string,
  paths: readonly string[],
  isLate: () => boolean = () => false,
): void {
  if (directory === false) return;
  for (const [index, name] of gcRootNames(id, paths.length).entries()) {
    if (isLate() || !makeGcRoot(directory, name, paths[index] as string)) return;
  }
}

function makeGcRoot(directory: string, name: string, path: string): boolean {
  const root = join(directory, name);
  for (const mayMakeDirectory of [true, false]) {
    try {
      symlinkSync(path, root);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return true;
      if (code !== 'ENOENT' || !mayMakeDirectory || !makeDirectory(directory)) return false;
    }
  }
  return false;
}

function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST';
  }
}
