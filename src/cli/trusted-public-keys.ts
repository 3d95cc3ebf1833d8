/**
 * Whom a command believes.
 *
 * @module
 */
import type { PublicKey } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import type { Context } from './context.ts';

/**
 * The keys given on the command line, else those of nix.conf and `NIX_CONFIG`, else Nix's default, cache.nixos.org's; without any given,
 * also this machine's own (Nix `src/libstore/keys.cc`, `getDefaultPublicKeys`).
 */
export async function readTrustedPublicKeys(
  context: Context,
  given: readonly string[] | undefined,
): Promise<PublicKey[]> {
  const { parsePublicKey } = await import('../signing/index.ts');
  const parse = (texts: readonly string[]): PublicKey[] => texts.filter((text) => text !== '').map(parsePublicKey);
  if (given !== undefined) return parse(given.flatMap((list) => list.split(/\s+/)));

  const { env, signal } = context;
  const { readNixSettings } = await import('../config/nix-settings.ts');
  const settings = await readNixSettings({ env, signal });
  return [...parse(settings.list('trusted-public-keys')), ...(await readOwnKeys(settings.list('secret-key-files')))];
}

/** The public halves of the keys that Nix signs with. That a user may not read them is normal on a machine of many users. */
async function readOwnKeys(files: readonly string[]): Promise<PublicKey[]> {
  const { readSecretKeyFile } = await import('../config/key-file.ts');
  const keys = await Promise.all(files.map((file) => readSecretKeyFile(file).catch(() => undefined)));
  return keys.flatMap((key) => key?.publicKey ?? []);
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
