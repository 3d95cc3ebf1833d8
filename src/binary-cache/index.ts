/**
 * Binary caches: stores over a backend.
 *
 * @module
 */
export { type BinaryCacheOptions, type BinaryCacheStore, openBinaryCacheStore } from './binary-cache-store.ts';
export { type BinaryCacheSettings, type ParsedBinaryCacheSettings, parseBinaryCacheSettings } from './settings.ts';
