/**
 * The store that has what was built, as the worker reads it.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import { type OpenStoreOptions, openStore } from '../../store/index.ts';
import type { Store } from '../../store/store.ts';
import { StoreError } from '../../store/store-error.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import type { FailureOrigin } from './failure.ts';
import { rememberPathInfos } from './remembered-path-infos.ts';

/** The source, and who to blame for an error. */
export interface Source {
  readonly store: Store;
  originOf(error: unknown): FailureOrigin;
}

/** A Nix that is about to start, or starts anew. */
const passingCodes = new Set(['daemon-unreachable', 'daemon-disconnected', 'daemon-silent']);

/** How often, and how long after another, it is tried to open the source. */
export interface Patience {
  readonly tries: number;
  readonly backOff: BackOff;
}

/** Open the source once it is there: when a machine starts, the worker may be quicker than the daemon of Nix. */
export async function awaitSource(
  uri: string,
  options: OpenStoreOptions,
  clock: () => number,
  { tries, backOff }: Patience,
): Promise<Source> {
  for (let failures = 1; ; failures++) {
    try {
      return await openSource(uri, options, clock);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof StoreError) || !passingCodes.has(error.code) || failures >= tries) throw error;
      options.onWarning?.(`${error.message}; it is tried again`);
      await setTimeout(backOffMs(failures, backOff, Math.random), undefined, { signal: options.signal });
    }
  }
}

/**
 * Open the source for all destinations.
 *
 * @param clock milliseconds of a clock that only goes forward.
 */
async function openSource(uri: string, options: OpenStoreOptions, clock: () => number): Promise<Source> {
  const opened = await openStore(uri, options);
  const failures = new WeakSet<object>();
  const note = (error: unknown): never => {
    if (typeof error === 'object' && error !== null) failures.add(error);
    throw error;
  };
  const watched: Store = {
    ...opened,
    queryPathInfos: (paths, queryOptions) => opened.queryPathInfos(paths, queryOptions).catch(note),
    async *narFromPath(path, abort) {
      try {
        yield* opened.narFromPath(path, abort);
      } catch (error) {
        note(error);
      }
    },
    ...(opened.queryBuildLog && {
      queryBuildLog: (derivation, abort) => opened.queryBuildLog!(derivation, abort).catch(note),
    }),
  };
  return {
    store: rememberPathInfos(watched, clock).store,
    originOf(error) {
      const isOurs = failures.has(error as object) || (error instanceof StoreError && error.uri === opened.uri);
      return isOurs ? 'source' : 'destination';
    },
  };
}
