/**
 * Stores that take paths.
 *
 * @module
 */
import { type OpenStoreOptions, openStore } from './open-store.ts';
import type { WritableStore } from './store.ts';
import { StoreError } from './store-error.ts';

/**
 * Open a store that paths are to be copied to. The directory of a `tree:` store is made where there is none.
 *
 * @throws {@link StoreError} `store-read-only` when it takes none; whatever `openStore` throws.
 */
export async function openWritableStore(uri: string, options: OpenStoreOptions = {}): Promise<WritableStore> {
  const store = await openStore(uri, { ...options, create: true });
  if ('prepare' in store) return store as WritableStore;
  await store.close();
  throw new StoreError(
    'store-read-only',
    `'${store.uri}' takes no paths: the local Nix takes them through its daemon ('daemon')`,
    { uri: store.uri },
  );
}
