/**
 * Whom a command believes.
 *
 * @module
 */
import type { PublicKey } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import type { Context } from './context.ts';

/** The keys given on the command line, else those of nix.conf and `NIX_CONFIG`, else Nix's default, cache.nixos.org's. */
export async function readTrustedPublicKeys(
  context: Context,
  given: readonly string[] | undefined,
): Promise<PublicKey[]> {
  const { parsePublicKey } = await import('../signing/index.ts');
  const { readNixSettings } = await import('../config/nix-settings.ts');
  const { env, signal } = context;
  const texts =
    given?.flatMap((list) => list.split(/\s+/)) ?? (await readNixSettings({ env, signal })).list('trusted-public-keys');
  return texts.filter((text) => text !== '').map(parsePublicKey);
}

/**
 * The keys that must have signed what is copied. `undefined` where none must: out of a store of this machine's own; and into a cache,
 * which its clients check themselves, as with Nix.
 */
export async function findTrustedPublicKeys(
  context: Context,
  from: Store,
  to: Store,
  given: readonly string[] | undefined,
): Promise<PublicKey[] | undefined> {
  return !isBinaryCache(from) || isBinaryCache(to) ? undefined : readTrustedPublicKeys(context, given);
}

function isBinaryCache(store: Store): boolean {
  return 'backend' in store;
}
