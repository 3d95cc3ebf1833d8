/**
 * A directory of store paths without a database.
 *
 * @module
 */
export { openTreeStore, type TreeStoreOptions } from './tree-store.ts';
