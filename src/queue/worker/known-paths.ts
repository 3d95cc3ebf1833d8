/**
 * Paths that a destination is known to have, with all that they refer to.
 *
 * @module
 */
import type { StorePath } from '../../store-path.ts';
import { createRecentMap } from './recent-map.ts';

/** What was learnt a while ago is asked again: others may clean a cache up. */
const learntForMs = 15 * 60 * 1000;
const maximumPaths = 20_000;

/** Paths, as many as there is room for, for as long as they can be believed. */
export interface KnownPaths {
  has(path: StorePath): boolean;
  add(path: StorePath): void;
}

/** @param clock milliseconds of a clock that only goes forward. */
export function createKnownPaths(clock: () => number, limit: number = maximumPaths): KnownPaths {
  const learntMs = createRecentMap<StorePath, number>(limit);
  return {
    has(path) {
      const since = learntMs.get(path);
      return since !== undefined && clock() - since < learntForMs;
    },
    add: (path) => learntMs.set(path, clock()),
  };
}
