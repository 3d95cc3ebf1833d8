/**
 * The store of a local Nix, through its database.
 *
 * @module
 */
export { type DatabaseStoreOptions, openDatabaseStore } from './database-store.ts';
