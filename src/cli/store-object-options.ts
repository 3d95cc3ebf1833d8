/**
 * Flags of the commands that look into a store path.
 *
 * @module
 */
import type { Command } from 'commander';
import type { StoreObject } from '../store-object/index.ts';
import { type Context, storeOptions, warn } from './context.ts';
import { resolvePathInStore } from './path-in-store.ts';
import { readTrustedPublicKeys } from './trusted-public-keys.ts';

/** How to look. */
export interface StoreObjectFlags {
  readonly store: string;
  readonly check?: boolean;
  readonly checkSigs: boolean;
  readonly trustedPublicKeys?: readonly string[];
}

const append = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

/** The flags, and an explanation of what is checked. */
export function addStoreObjectOptions(command: Command): Command {
  return command
    .argument('<path>', 'a store path, or something inside of one')
    .option('--store <store-uri>', 'the store to look in', 'auto')
    .option('--check', 'read the whole NAR, and compare it with its hash and that with a trusted signature')
    .option('--no-check-sigs', "with '--check', do without a trusted signature")
    .option('--trusted-public-keys <keys>', 'whom to trust (default: as nix.conf says)', append);
}

/** What the help of both commands says of trust. */
export const checkHelp = `
Of a cache, no more is read than has to be: its listing, and a range of a NAR that is not compressed. Nobody signs
these, so neither is what is printed. '--check' fails unless all of it is what a trusted key signed.
`;

/** Open the store, and look into the path that the argument names. */
export async function withStoreObject(
  context: Context,
  argument: string,
  flags: StoreObjectFlags,
  use: (object: StoreObject, rest: string, isCache: boolean) => Promise<void>,
): Promise<void> {
  const { openStore } = await import('../store/open-store.ts');
  const { openStoreObject } = await import('../store-object/index.ts');
  const { signal } = context;
  const store = await openStore(flags.store, storeOptions(context));
  try {
    const isCache = 'backend' in store;
    const { storePath, rest } = await resolvePathInStore(argument, store.storeDir);
    const needsKeys = flags.check && flags.checkSigs && isCache;
    const object = await openStoreObject(store, storePath, {
      signal,
      unchecked: !flags.check,
      trustedPublicKeys: needsKeys ? await readTrustedPublicKeys(context, flags.trustedPublicKeys) : undefined,
      onWarning: (message) => warn(context, message),
    });
    await use(object, rest, isCache);
  } finally {
    await store.close();
  }
}
