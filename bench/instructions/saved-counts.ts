/**
 * Counts of instructions, as they are saved and shown.
 *
 * @module
 */
import type { CountedWork } from './count-instructions.ts';

/** By `Node 20`, then by the name of the work. */
export type SavedCounts = Record<
  string,
  { readonly version: string; readonly counts: Readonly<Record<string, number>> }
>;

/** A table in Markdown. */
export function formatCounts(works: readonly Pick<CountedWork, 'name' | 'unit'>[], saved: SavedCounts): string {
  const nodes = Object.keys(saved).sort();
  const lines = [
    ['work', 'a', ...nodes.map((node) => `${node} (${saved[node]!.version.slice(1)})`)],
    ['---', '---', ...nodes.map(() => '--:')],
    ...works.map(({ name, unit }) => [name, unit, ...nodes.map((node) => formatCount(saved[node]!.counts[name]))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function formatCount(count: number | undefined): string {
  return count === undefined ? '' : Number(count.toPrecision(3)).toLocaleString('en');
}
