/**
 * How long, for a person.
 *
 * @module
 */

const units = [
  ['d', 24 * 60 * 60],
  ['h', 60 * 60],
  ['m', 60],
  ['s', 1],
] as const;

/** Two units at most: `45s`, `5m12s`, `3h`, `2d4h`. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds);
  const first = units.findIndex(([, size]) => rest >= size);
  if (first === -1) return '0s';
  let text = '';
  for (const [unit, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
