/**
 * The order in which Nix names paths.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import type { StorePath } from '../store-path.ts';

/**
 * References before referrers, and else by name: the walk of Nix (`topoSortPaths` in `src/libstore/misc.cc`), so that the lines of both
 * come in the same order. Paths of a cycle stay in the order in which the walk leaves them.
 */
export function sortTopologically(infos: ReadonlyMap<StorePath, PathInfo | undefined>): StorePath[] {
  const sorted = new Set<StorePath>();
  const visited = new Set<StorePath>();
  // A stack of its own: chains of references may be longer than that of the calls.
  for (const root of [...infos.keys()].sort()) {
    const stack = [{ path: root, isLeft: false }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { path, isLeft } = top;
      if (isLeft) sorted.add(path);
      if (isLeft || visited.has(path)) continue;
      visited.add(path);
      stack.push({ path, isLeft: true });
      const references = (infos.get(path)?.references ?? []).filter((reference) => infos.has(reference));
      for (const reference of references.toSorted().reverse()) stack.push({ path: reference, isLeft: false });
    }
  }
  return [...sorted];
}
