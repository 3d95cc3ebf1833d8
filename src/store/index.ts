/**
 * Stores: what has path infos and NARs. Opened by their URIs, or each kind by its own function.
 *
 * @module
 */
export {
  type DaemonInfo,
  type DaemonMessage,
  DaemonRefusedError,
  type DaemonStore,
  type DaemonStoreOptions,
  defaultDaemonSocketPath,
  openDaemonStore,
} from './daemon/index.ts';
export { type DatabaseStoreOptions, openDatabaseStore } from './database/index.ts';
export { type Environment, type LocalDirectories, localDirectories } from './local-directories.ts';
export { type OpenStoreOptions, openStore } from './open-store.ts';
export { openWritableStore } from './open-writable-store.ts';
export type {
  CompressedNar,
  PrepareOptions,
  Publication,
  QueryPathInfosOptions,
  Store,
  WritableStore,
} from './store.ts';
export { type NarMeasure, NarMismatchError, StoreError } from './store-error.ts';
export { formatStoreUri, parseStoreUri, type StoreUri, StoreUriError, storeUriPath } from './store-uri.ts';
export { openTreeStore, type TreeStoreOptions } from './tree/index.ts';
