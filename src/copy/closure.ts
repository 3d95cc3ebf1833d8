/**
 * Paths and all that they refer to.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { asError } from '../errors.ts';
import type { PathInfo } from '../path-info.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';

/** What a closure was found to be. */
export interface Closure {
  readonly infos: ReadonlyMap<StorePath, PathInfo>;
  /** Paths of the closure that the store does not have, or cannot tell of, each with why. */
  readonly errors: ReadonlyMap<StorePath, Error>;
}

/**
 * The closure of `paths` in a store, asked level by level, many paths at a time.
 *
 * @param options.recursive `false` leaves it at the paths themselves.
 * @param options.isKnown references that it is true for are left out, and so is what only they refer to.
 * @param options.mayFollow where it is false, the path's references are left out.
 */
export async function computeClosure(
  store: Store,
  paths: Iterable<StorePath>,
  options: AbortOptions & {
    readonly recursive?: boolean | undefined;
    readonly isKnown?: ((path: StorePath) => boolean) | undefined;
    readonly mayFollow?: ((info: PathInfo) => boolean) | undefined;
  } = {},
): Promise<Closure> {
  const infos = new Map<StorePath, PathInfo>();
  const errors = new Map<StorePath, Error>();
  const onError = (path: StorePath, error: unknown): void => {
    errors.set(path, asError(error));
  };
  for (let level = new Set(paths); level.size > 0; ) {
    const found = await store.queryPathInfos(level, { signal: options.signal, onError });
    const next = new Set<StorePath>();
    for (const path of level) {
      const info = found.get(path);
      if (info === undefined) {
        if (!errors.has(path)) errors.set(path, absentError(store, path));
        continue;
      }
      infos.set(path, info);
      if (options.recursive === false || options.mayFollow?.(info) === false) continue;
      for (const reference of info.references) next.add(reference);
    }
    for (const path of next) if (infos.has(path) || errors.has(path) || options.isKnown?.(path)) next.delete(path);
    level = next;
  }
  return { infos, errors };
}

function absentError(store: Store, path: StorePath): StoreError {
  const full = formatStorePath(path, store.storeDir);
  return new StoreError('path-absent', `path '${full}' is not valid in '${store.uri}'`, { uri: store.uri, path: full });
}
