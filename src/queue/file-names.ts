/**
 * What lies in a folder that may hold a hundred thousand files.
 *
 * @module
 */
import { opendir } from 'node:fs/promises';

const namesAtATime = 1000;

/** The names in a folder, in no order; none of one that is not there. */
export async function* fileNames(directory: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(directory, { bufferSize: namesAtATime })) yield name;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
