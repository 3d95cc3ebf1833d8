/**
 * References before their referrers.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import type { StorePath } from '../store-path.ts';

/** Paths in an order in which each stands behind its references, and those that no order can hold. */
export interface ReferenceOrder {
  readonly sorted: readonly StorePath[];
  /** Paths that refer to each other in a circle, or to such paths. */
  readonly cyclic: readonly StorePath[];
}

/** Sort by references; a path's reference to itself, and references outside of `infos`, do not count. */
export function sortByReferences(infos: ReadonlyMap<StorePath, PathInfo>): ReferenceOrder {
  const referrers = new Map<StorePath, StorePath[]>();
  const unsorted = new Map<StorePath, number>();
  for (const [path, info] of infos) {
    const references = info.references.filter((reference) => reference !== path && infos.has(reference));
    unsorted.set(path, references.length);
    for (const reference of references) {
      const list = referrers.get(reference);
      if (list === undefined) referrers.set(reference, [path]);
      else list.push(path);
    }
  }
  const sorted = [...unsorted].filter(([, count]) => count === 0).map(([path]) => path);
  // The array grows while it is walked: a path joins when the last of its references is behind it.
  for (const path of sorted) {
    for (const referrer of referrers.get(path) ?? []) {
      const left = unsorted.get(referrer)! - 1;
      unsorted.set(referrer, left);
      if (left === 0) sorted.push(referrer);
    }
  }
  return { sorted, cyclic: [...unsorted].filter(([, count]) => count > 0).map(([path]) => path) };
}
