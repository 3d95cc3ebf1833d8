/**
 * Compression levels.
 *
 * @module
 */

/** The levels of one codec. */
export interface LevelRange {
  readonly lowest: number;
  readonly highest: number;
  /** What an absent level and Nix's -1 mean. */
  readonly byDefault: number;
}

/**
 * The level to compress with.
 *
 * @throws RangeError when the codec has no such level.
 */
export function resolveLevel(compression: string, level: number | undefined, range: LevelRange): number {
  if (level === undefined || level === -1) return range.byDefault;
  if (Number.isInteger(level) && level >= range.lowest && level <= range.highest) return level;
  throw new RangeError(
    `${compression} has no compression level ${level}: it takes ${range.lowest} to ${range.highest}, or -1 for its default of ${range.byDefault}`,
  );
}
