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

const begin = '<!-- Written by `npm run bench:instructions -- --save`: -->';
const end = '<!-- Until here, by instructions. -->';

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

/** The page with another table between its two marks. */
export function replaceCounts(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no '${begin}' … '${end}'`);
  return `${page.slice(0, from + begin.length)}\n\n${table}\n\n${page.slice(to)}`;
}

function formatCount(count: number | undefined): string {
  return count === undefined ? '' : Number(count.toPrecision(3)).toLocaleString('en');
}
