/**
 * The programs, as files: those that npm installs, or what `tsc` has written, where that is newer.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inDist = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));

function changedAt(path: string): number {
  return statSync(inDist(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const isBundled = changedAt('bin/narkit-hook.cjs') > changedAt('.tsbuildinfo');

/** The program `narkit`. */
export const narkitProgram: string = inDist(isBundled ? 'bin/narkit.cjs' : 'cli/narkit.js');

/** The program `narkit-hook`. */
export const narkitHookProgram: string = inDist(isBundled ? 'bin/narkit-hook.cjs' : 'hook/narkit-hook.cjs');
