/**
 * A map that forgets what was set longest ago.
 *
 * @module
 */

/** A map of bounded size. */
export interface RecentMap<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
  delete(key: Key): void;
}

/**
 * Holds at least half of `limit` of what was set last, and never more than all of it.
 *
 * Two halves, the older of which is dropped as a whole: a Map that loses its first entry again and again walks past all that it lost.
 */
export function createRecentMap<Key, Value>(limit: number): RecentMap<Key, Value> {
  let younger = new Map<Key, Value>();
  let older = new Map<Key, Value>();
  return {
    get: (key) => younger.get(key) ?? older.get(key),
    set(key, value) {
      older.delete(key);
      younger.set(key, value);
      if (2 * younger.size < limit) return;
      older = younger;
      younger = new Map();
    },
    delete(key) {
      younger.delete(key);
      older.delete(key);
    },
  };
}
