/**
 * Reading a netrc file from disk.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { AbortOptions } from '../../abort.ts';
import { type Netrc, parseNetrc } from './netrc.ts';

/**
 * The entries of a netrc file; none when there is no such file, for Nix's default names one that few have.
 *
 * @throws NetrcError when it is no netrc file, and what the system says when it cannot be read.
 */
export async function readNetrcFile(path: string, { signal }: AbortOptions = {}): Promise<Netrc> {
  try {
    return parseNetrc(await readFile(path, { encoding: 'utf8', signal }));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
