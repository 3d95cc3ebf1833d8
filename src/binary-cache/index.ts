/**
 * Binary caches: stores over a backend.
 *
 * @module
 */
export type { Publication, QueryPathInfosOptions, Store, WritableStore } from '../store/store.ts';
export { type NarMeasure, NarMismatchError, StoreError } from '../store/store-error.ts';
export { type BinaryCacheOptions, type BinaryCacheStore, openBinaryCacheStore } from './binary-cache-store.ts';
export { type BinaryCacheSettings, type ParsedBinaryCacheSettings, parseBinaryCacheSettings } from './settings.ts';
