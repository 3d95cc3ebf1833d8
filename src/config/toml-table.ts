/**
 * Taking what is known out of a table of TOML, and refusing the rest.
 *
 * @module
 */
import type { RefuseFile } from './hook-settings.cts';

/** A table of which keys are taken. */
export interface TomlTable {
  takeText(key: string): string | undefined;
  takeList(key: string): string[];
  takeBoolean(key: string): boolean | undefined;
  takeNumber(key: string, range: NumberRange): number;
  /** Refuse a key that nobody took: one that is mistyped must not pass for an absent one. */
  refuseRest(): void;
}

/** The numbers that a key takes. */
export interface NumberRange {
  readonly fallback: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Whole ones only, unless this is so. */
  readonly fractions?: boolean;
}

/** A table of which keys are taken; `others` are of somebody else. `place` comes before a key in what is said of it. */
export function takeFrom(
  table: Readonly<Record<string, unknown>>,
  refuseFile: RefuseFile,
  others: readonly string[],
  place = '',
): TomlTable {
  const taken = new Set<string>(others);
  const refuse = (key: string, wanted: string): never => refuseFile(`has a '${place}${key}' that is not ${wanted}`);
  const take = (key: string): unknown => {
    taken.add(key);
    return table[key];
  };
  return {
    takeText(key) {
      const value = take(key);
      return value === undefined || (typeof value === 'string' && value !== '') ? value : refuse(key, 'a text');
    },
    takeList(key) {
      const value = take(key) ?? [];
      const list = typeof value === 'string' ? [value] : value;
      if (!Array.isArray(list) || !list.every((item): item is string => typeof item === 'string' && item !== ''))
        return refuse(key, 'a text or a list of texts');
      return list;
    },
    takeBoolean(key) {
      const value = take(key);
      return value === undefined || typeof value === 'boolean' ? value : refuse(key, 'true or false');
    },
    takeNumber(key, { fallback, minimum, maximum, fractions = false }) {
      const value = take(key) ?? fallback;
      if (typeof value === 'number' && value >= minimum && value <= maximum && (fractions || Number.isInteger(value)))
        return value;
      return refuse(key, `a ${fractions ? '' : 'whole '}number from ${minimum} to ${maximum}`);
    },
    refuseRest() {
      const unknown = Object.keys(table).find((key) => !taken.has(key));
      if (unknown === undefined) return;
      const keys = [...taken].map((key) => `'${place}${key}'`).join(', ');
      refuseFile(`has an unknown key '${place}${unknown}': the keys are ${keys}`);
    },
  };
}
