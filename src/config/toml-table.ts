/**
 * Taking what is known out of a table of TOML, and refusing the rest.
 *
 * @module
 */

/** Says what is wrong with a key, and throws. */
type Refuse = (key: string, wanted: string) => never;

/** A table of which keys are taken. */
export interface TomlTable {
  takeText(key: string): string | undefined;
  takeList(key: string): string[];
  takeBoolean(key: string): boolean | undefined;
  /** Is this key there and `false`? */
  isFalse(key: string): boolean;
  takeNumber(key: string, range: NumberRange): number;
  takeChoice<Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]): Choice;
  takeTable(key: string): TomlTable;
  /** Keys of this table that nobody took. */
  untakenKeys(): string[];
  /** Keys that were taken, there or not. */
  takenKeys(): string[];
}

/** The numbers that a key takes. */
export interface NumberRange {
  readonly fallback: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Fractions are refused unless this is so. */
  readonly fractions?: boolean;
}

/** A table of which keys are taken. `refuse` gets the key with the name of the table before it. */
export function takeFrom(table: Readonly<Record<string, unknown>>, refuse: Refuse): TomlTable {
  const taken = new Set<string>();
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
    isFalse: (key) => table[key] === false && take(key) === false,
    takeNumber(key, { fallback, minimum, maximum, fractions = false }) {
      const value = take(key) ?? fallback;
      if (typeof value === 'number' && value >= minimum && value <= maximum && (fractions || Number.isInteger(value)))
        return value;
      return refuse(key, `a ${fractions ? '' : 'whole '}number from ${minimum} to ${maximum}`);
    },
    takeChoice(key, choices) {
      const value = take(key) ?? choices[0];
      return (
        choices.find((choice) => choice === value) ?? refuse(key, `one of ${choices.map((c) => `'${c}'`).join(', ')}`)
      );
    },
    takeTable(key) {
      const value = take(key) ?? {};
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date)
        return refuse(key, `a table: write its keys below a line '[${key}]'`);
      return takeFrom(value as Record<string, unknown>, (inner, wanted) => refuse(`${key}.${inner}`, wanted));
    },
    untakenKeys: () => Object.keys(table).filter((key) => !taken.has(key)),
    takenKeys: () => [...taken],
  };
}
