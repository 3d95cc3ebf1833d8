/**
 * What the hook does in mode `queue`: write down what was built, and be gone.
 *
 * @module
 */
import { dirname } from 'node:path';
import type { HookSettings } from '../config/hook-settings.cts';
import { addRecord } from '../queue/add-record.cts';
import { defaultGcRootsDirectory } from '../queue/gc-roots.cts';

/** The paths that `OUT_PATHS` lists. */
export function splitOutPaths(outPaths: string | undefined): string[] {
  return (outPaths ?? '').split(/\s+/).filter((path) => path !== '');
}

/**
 * Add what was built to the queue.
 *
 * @param paths full store paths, of one store.
 * @param isLate asked before each step that may take long: `true` ends it with an error.
 * @throws Error, whose message says what to do, when the queue cannot take it.
 */
export function queueBuilt(
  paths: readonly string[],
  settings: HookSettings,
  env: Readonly<Record<string, string | undefined>>,
  isLate: () => boolean,
): void {
  addRecord(
    { directory: settings.directory, gcRootsDirectory: settings.gcRoots ?? defaultGcRootsDirectory(env) },
    {
      storeDir: dirname(paths[0] as string),
      paths,
      derivation: env.DRV_PATH || undefined,
      tag: env.NARKIT_TAG || undefined,
    },
    isLate,
  );
}
