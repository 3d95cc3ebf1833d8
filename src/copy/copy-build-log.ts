/**
 * Build logs, which Nix copies apart from the paths (`nix store copy-log`).
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Store, WritableStore } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import type { StorePath } from '../store-path.ts';

/**
 * Copy the log of a derivation's build.
 *
 * @returns `false` when the source has no log of it.
 * @throws {@link StoreError} `no-build-logs` when one of the stores does not keep logs.
 */
export async function copyBuildLog(
  from: Store,
  to: WritableStore,
  derivation: StorePath,
  options: AbortOptions = {},
): Promise<boolean> {
  if (from.queryBuildLog === undefined) throw withoutLogs(from);
  if (to.addBuildLog === undefined) throw withoutLogs(to);
  const log = await from.queryBuildLog(derivation, options);
  if (log === undefined) return false;
  await to.addBuildLog(derivation, log, options);
  return true;
}

function withoutLogs(store: Store): StoreError {
  return new StoreError('no-build-logs', `'${store.uri}' keeps no build logs`, { uri: store.uri });
}
