/**
 * Has a run done its work?
 *
 * @module
 */
import { readdir } from 'node:fs/promises';

/** @throws when a cache on disk has not so many paths. Without the cache, another program ran. */
export async function expectPaths(cache: string, paths: number): Promise<void> {
  const names = await readdir(cache).catch(() => undefined);
  const found = names?.filter((name) => name.endsWith('.narinfo')).length ?? paths;
  if (found !== paths) throw new Error(`${cache} has ${found} paths instead of ${paths}`);
}
