/**
 * What Nix tells its post-build hook (`src/libstore/build/derivation-building-goal.cc`, `runPostBuildHook`).
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { derivationOutputPaths, parseDerivation } from '../derivation/index.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { formatStorePath } from '../store-path.ts';
import { splitOutPaths } from './queue-built.cts';

/** The variables that Nix sets. */
export interface HookEnvironment {
  readonly OUT_PATHS?: string | undefined;
  readonly DRV_PATH?: string | undefined;
}

/**
 * The full store paths that were built: `OUT_PATHS`, or where a Nix leaves it empty (2.8.0, and others on `--check`), the outputs that
 * the derivation names.
 *
 * @throws {@link NarkitError} `hook-environment` when there is neither, or the derivation cannot be read.
 */
export async function findBuiltPaths(env: HookEnvironment): Promise<string[]> {
  const paths = splitOutPaths(env.OUT_PATHS);
  if (paths.length > 0) return paths;
  const derivation = env.DRV_PATH ?? '';
  if (derivation === '')
    throw new NarkitError(
      'hook-environment',
      'neither OUT_PATHS nor DRV_PATH is set: this program is for post-build-hook in nix.conf',
    );
  try {
    const storeDir = dirname(derivation);
    const outputs = derivationOutputPaths(parseDerivation(await readFile(derivation), { where: derivation, storeDir }));
    return [...outputs.values()].map((path) => formatStorePath(path, storeDir));
  } catch (error) {
    throw new NarkitError(
      'hook-environment',
      `OUT_PATHS is empty and the outputs of '${derivation}' are not known: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
