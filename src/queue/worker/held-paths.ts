/**
 * Which records that were read have a path: what is known of it is needed until the last of them is removed, and concerns all of them.
 *
 * @module
 */
import type { StorePath } from '../../store-path.ts';
import type { QueueRecord } from '../record.ts';

/** Paths, each with the records that it is in. */
export interface HeldPaths {
  /** The record was read; that it was before, is no matter. */
  hold(record: QueueRecord): void;
  /** The records that have the path. */
  idsOf(path: StorePath): Iterable<string>;
  /** The record is removed. @returns those of its paths that no other has. */
  release(record: QueueRecord): StorePath[];
}

/** No records yet. */
export function createHeldPaths(): HeldPaths {
  // Of a hundred thousand paths, next to all are in one record.
  const holders = new Map<StorePath, string | Set<string>>();

  function idsOf(path: StorePath): Iterable<string> {
    const ids = holders.get(path) ?? [];
    return typeof ids === 'string' ? [ids] : ids;
  }

  return {
    hold({ id, paths }) {
      for (const path of paths) {
        const ids = holders.get(path);
        if (ids === undefined) holders.set(path, id);
        else if (typeof ids !== 'string') ids.add(id);
        else if (ids !== id) holders.set(path, new Set([ids, id]));
      }
    },
    idsOf,
    release({ id, paths }) {
      for (const path of paths) {
        const ids = holders.get(path);
        if (typeof ids === 'object') ids.delete(id);
        if (ids === id || (typeof ids === 'object' && ids.size === 0)) holders.delete(path);
      }
      return paths.filter((path) => !holders.has(path));
    },
  };
}
