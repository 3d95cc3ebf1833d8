/**
 * What is in a store path: its listing, and one file without the rest.
 *
 * @module
 */
export { openStoreObject, type StoreObject, type StoreObjectOptions } from './store-object.ts';
