/**
 * Does the local Nix tell what it built?
 *
 * @module
 */
import type { NarkitConfig } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { openStore } from '../../store/open-store.ts';
import { type CheckContext, type Finding, failed, ok, warning } from './finding.ts';

/** The store that is copied from. */
export async function* checkLocalNix(config: NarkitConfig, { env, signal }: CheckContext): AsyncGenerator<Finding> {
  const warnings: string[] = [];
  try {
    const store = await openStore(config.from, { env, signal, onWarning: (message) => warnings.push(message) });
    try {
      const how = store.uri === 'daemon' ? 'through its daemon' : `as '${store.uri}'`;
      for (const message of warnings) yield warning('nix', message, 'start nix-daemon, or use Node 22.13 or newer');
      yield ok('nix', `the store '${store.storeDir}' is read ${how}`);
    } finally {
      await store.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    yield failed('nix', messageOf(error), "start nix-daemon, or name the store in 'from'");
  }
}
