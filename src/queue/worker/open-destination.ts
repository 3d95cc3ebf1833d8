/**
 * A destination as the worker uses it: opened by its URI, watched, its uploads shared.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import type { Backend } from '../../backend/backend.ts';
import { createBudget } from '../../copy/budget.ts';
import type { PathInfo } from '../../path-info.ts';
import { openWritableStore } from '../../store/index.ts';
import type { WritableStore } from '../../store/store.ts';
import type { StorePath } from '../../store-path.ts';
import { createKnownPaths, type KnownPaths } from './known-paths.ts';
import { clearLeftovers, noteUploads } from './leftovers.ts';
import { rememberPathInfos } from './remembered-path-infos.ts';
import { shareUploads } from './shared-uploads.ts';
import type { UnderWay } from './under-way.ts';

/** A path has at most about so many bytes on its way at a time, as in `copy`. */
const maximumWeightBytes = 32 * 1024 * 1024;

/** How a destination is opened. */
export interface OpenDestinationOptions extends AbortOptions {
  /** As {@link destinationName} calls it. */
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly underWay: UnderWay;
  /** NARs that are laid down at a time. */
  readonly parallelPaths: number;
  /** Of these, so much at a time. */
  readonly budgetBytes: number;
  readonly stallTimeoutMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  readonly onWarning: (message: string) => void;
  /** Told of each answer, and of each question that failed. */
  readonly onAnswer: () => void;
  readonly onFailure: (error: unknown) => void;
  /** Told of each path that became visible. */
  readonly onPublished: (info: PathInfo) => void;
}

/** An open destination. */
export interface Destination {
  readonly store: WritableStore;
  /** Paths that it has, with all that they refer to. */
  readonly known: KnownPaths;
  /** Take away what was left half done. */
  clearLeftovers(): Promise<void>;
  /** Does it answer now, whatever becomes of paths? `false` for one that cannot be asked. */
  answers(abort: AbortOptions): Promise<boolean>;
}

/** Open a destination. What a killed worker left there is taken away; where that fails, a warning says so. */
export async function openDestination(uri: string, options: OpenDestinationOptions): Promise<Destination> {
  const { name, underWay, clock, onPublished } = options;
  let backend: Backend | undefined;
  const opened = await openWritableStore(uri, {
    env: options.env,
    signal: options.signal,
    stallTimeoutMs: options.stallTimeoutMs,
    onWarning: options.onWarning,
    wrapBackend(opening) {
      backend = opening;
      return noteUploads(opening, name, underWay);
    },
  });
  const known = createKnownPaths(clock);
  const published = createKnownPaths(clock);
  const remembering = rememberPathInfos(observe(opened, options), clock);
  const paths = createBudget(options.parallelPaths);
  const bytes = createBudget(options.budgetBytes);

  const destination: Destination = {
    store: shareUploads(remembering.store, {
      isPublished: (path: StorePath) => published.has(path),
      onPublished(info) {
        remembering.remember(info);
        known.add(info.path);
        published.add(info.path);
        onPublished(info);
      },
      limit: (info, task) => paths.run(1, () => bytes.run(Math.min(info.narSize, maximumWeightBytes), task)),
    }),
    known,
    answers: async (abort) =>
      backend?.head('nix-cache-info', { signal: abort.signal }).then(
        () => true,
        () => false,
      ) ?? false,
    async clearLeftovers() {
      try {
        if (backend !== undefined) await clearLeftovers(backend, name, underWay, { signal: options.signal });
      } catch (error) {
        if (options.signal?.aborted) return;
        options.onWarning(`what was left half done at '${name}' stays there for now: ${(error as Error).message}`);
      }
    },
  };
  await destination.clearLeftovers();
  return destination;
}

/** The same store, with somebody who watches how it does. */
function observe(
  store: WritableStore,
  { onAnswer, onFailure }: Pick<OpenDestinationOptions, 'onAnswer' | 'onFailure'>,
): WritableStore {
  async function watched<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      const result = await task();
      onAnswer();
      return result;
    } catch (error) {
      onFailure(error);
      throw error;
    }
  }

  return {
    ...store,
    queryPathInfos(paths, queryOptions) {
      const asked = [...paths];
      let failed = 0;
      const onError = (path: StorePath, error: unknown): void => {
        failed++;
        onFailure(error);
        queryOptions?.onError?.(path, error);
      };
      const wrapped = queryOptions?.onError === undefined ? queryOptions : { ...queryOptions, onError };
      return store.queryPathInfos(asked, wrapped).then(
        (infos) => {
          if (failed < asked.length) onAnswer();
          return infos;
        },
        (error: unknown) => {
          onFailure(error);
          throw error;
        },
      );
    },
    async prepare(info, openNar, prepareOptions) {
      const publication = await watched(() => store.prepare(info, openNar, prepareOptions));
      return { ...publication, publish: (abort) => watched(() => publication.publish(abort)) };
    },
  };
}
