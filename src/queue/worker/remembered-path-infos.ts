/**
 * Path infos that were asked for a moment ago: closures that are walked one after the other, or side by side, overlap.
 *
 * @module
 */
import type { PathInfo } from '../../path-info.ts';
import type { QueryPathInfosOptions, Store } from '../../store/store.ts';
import type { StorePath } from '../../store-path.ts';
import { createRecentMap } from './recent-map.ts';

/** Not for long: a path may be collected and built anew, and others write to a cache, too. */
const rememberedForMs = 60_000;
const maximumPaths = 4096;

/** An answer; `undefined` says that the store does not have the path. */
interface Answer {
  readonly info: PathInfo | undefined;
  readonly sinceMs: number;
}

/** What became of a question about many paths. */
interface Asked {
  readonly found: ReadonlyMap<StorePath, PathInfo>;
  readonly errors: ReadonlyMap<StorePath, unknown>;
}

/** A store, and what is known of it without asking. */
export interface RememberingStore<Asking extends Store> {
  readonly store: Asking;
  /** The store has the path as of now. */
  remember(info: PathInfo): void;
}

/**
 * The same store, which asks for no path twice within a minute, nor twice at the same time.
 *
 * @param clock milliseconds of a clock that only goes forward.
 */
export function rememberPathInfos<Asking extends Store>(store: Asking, clock: () => number): RememberingStore<Asking> {
  const answers = createRecentMap<StorePath, Answer>(maximumPaths);
  const asking = new Map<StorePath, Promise<Asked>>();

  function learn(path: StorePath, info: PathInfo | undefined): void {
    answers.set(path, { info, sinceMs: clock() });
  }

  function known(path: StorePath): Answer | undefined {
    const answer = answers.get(path);
    return answer !== undefined && clock() - answer.sinceMs < rememberedForMs ? answer : undefined;
  }

  async function ask(paths: readonly StorePath[], options: QueryPathInfosOptions): Promise<Asked> {
    const errors = new Map<StorePath, unknown>();
    const onError = (path: StorePath, error: unknown): void => {
      errors.set(path, error);
      options.onError?.(path, error);
    };
    const answer = store
      .queryPathInfos(paths, { signal: options.signal, ...(options.onError && { onError }) })
      .then((found) => ({ found, errors }));
    for (const path of paths) asking.set(path, answer);
    try {
      const { found } = await answer;
      for (const path of paths) if (!errors.has(path)) learn(path, found.get(path));
      return { found, errors };
    } finally {
      for (const path of paths) asking.delete(path);
    }
  }

  async function queryPathInfos(
    paths: Iterable<StorePath>,
    options: QueryPathInfosOptions = {},
  ): Promise<Map<StorePath, PathInfo>> {
    const infos = new Map<StorePath, PathInfo>();
    const unknown: StorePath[] = [];
    const askedByOthers = new Set<Promise<Asked>>();
    const awaited: StorePath[] = [];
    for (const path of paths) {
      const answer = known(path);
      const underWay = asking.get(path);
      if (answer?.info !== undefined) infos.set(path, answer.info);
      if (answer !== undefined) continue;
      if (underWay === undefined) unknown.push(path);
      else {
        awaited.push(path);
        askedByOthers.add(underWay);
      }
    }
    if (unknown.length > 0) for (const [path, info] of (await ask(unknown, options)).found) infos.set(path, info);
    // What kept others from an answer is for them alone: their signal, or their way to deal with errors.
    await Promise.allSettled(askedByOthers);
    const left = awaited.filter((path) => known(path) === undefined);
    for (const path of awaited) if (known(path)?.info !== undefined) infos.set(path, known(path)!.info!);
    if (left.length > 0) for (const [path, info] of (await ask(left, options)).found) infos.set(path, info);
    return infos;
  }

  return { store: { ...store, queryPathInfos }, remember: (info) => learn(info.path, info) };
}
