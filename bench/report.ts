/**
 * Figures for people: on a terminal, and in `docs/performance.md`.
 *
 * @module
 */
import { type Comparison, type Measured, narkitOn, type RowResult } from './measure-row.ts';
import type { Move, Ratios, SavedRow } from './ratios.ts';
import type { Row } from './row.ts';

/** The lines of one row: what each program took, and what narkit took of each peer's time. */
export function formatRow(name: string, { measured, compared, missing }: RowResult): string {
  const lines = [name];
  for (const [program, { milliseconds, peakMB }] of Object.entries(measured)) {
    const memory = peakMB === undefined ? '' : `${peakMB} MB`.padStart(10);
    lines.push(`  ${program.padEnd(44)}${formatMilliseconds(milliseconds).padStart(10)}${memory}`);
  }
  for (const comparison of compared) {
    const title = `${comparison.node} ÷ ${comparison.peer}`;
    lines.push(`  ${title.padEnd(44)}${formatRatio(comparison).padStart(17)}${formatTarget(comparison)}`);
  }
  for (const [peer, why] of Object.entries(missing)) lines.push(`  ${peer}: not measured: ${why}`);
  return lines.join('\n');
}

/** One line about what is no longer as it was. */
export function formatMove({ row, before, now, judgement }: Move): string {
  return `${judgement}: ${row}, ${now.node} ÷ ${now.peer}: ${formatRatio(before)} → ${formatRatio(now)}`;
}

/** The part of `docs/performance.md` that the bench writes: a table, and what its rows mean. */
export function formatTable(rows: readonly Row[], ratios: Ratios): string {
  const saved = rows.flatMap((row) => (ratios[row.name] ? [{ row, saved: ratios[row.name]! }] : []));
  const nodes = [...new Set(saved.flatMap((one) => one.saved.compared.map(({ node }) => node)))].sort();
  const lines = [
    ...describeRuns(saved.map((one) => one.saved)),
    '',
    `| | beside | at most |${nodes.map((node) => ` ${node} |`).join('')}`,
    `|---|---|---|${nodes.map(() => '---|').join('')}`,
  ];
  for (const { row, saved: one } of saved) {
    const own = nodes.map((node) => ` ${formatMeasured(one.measured[narkitOn({ name: node })])} |`);
    lines.push(`| **${row.name}** | | |${own.join('')}`);
    for (const peer of new Set(one.compared.map((comparison) => comparison.peer))) {
      const comparisons = nodes.map((node) => one.compared.find((found) => found.peer === peer && found.node === node));
      const took = one.measured[peer];
      // A pipe would end the cell.
      const name = peer.replaceAll('|', '\\|');
      const title = took === undefined ? name : `${name}: ${formatMeasured(took)}`;
      const cells = comparisons.map((comparison) => ` ${comparison ? formatCell(comparison) : ''} |`);
      lines.push(`| | ${title} | ${formatTargets(comparisons)} |${cells.join('')}`);
    }
  }
  return [...lines, '', ...saved.map(({ row }) => `- **${row.name}**: ${row.meaning}`)].join('\n');
}

/** `0.62 ±0.03` */
function formatRatio({ ratio, spread }: Pick<Comparison, 'ratio' | 'spread'>): string {
  return `${ratio.toFixed(2)} ±${spread.toFixed(2)}`;
}

/** `12.3 s`, `1.23 s`, `123 ms` */
function formatMilliseconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;
}

function formatMeasured(measured: Measured | undefined): string {
  if (measured === undefined) return '';
  const { milliseconds, peakMB } = measured;
  return formatMilliseconds(milliseconds) + (peakMB === undefined ? '' : `, ${peakMB} MB`);
}

function isMet({ ratio, atMost }: Comparison): boolean {
  return atMost === undefined || ratio <= atMost;
}

function formatTarget(comparison: Comparison): string {
  const { atMost } = comparison;
  return atMost === undefined ? '' : `  at most ${atMost.toFixed(1)}: ${isMet(comparison) ? 'met' : 'NOT MET'}`;
}

function formatCell(comparison: Comparison): string {
  if (comparison.atMost === undefined) return formatRatio(comparison);
  return isMet(comparison) ? `${formatRatio(comparison)} ✓` : `**${formatRatio(comparison)}** ✗`;
}

/** One figure where all Nodes have the same. */
function formatTargets(comparisons: readonly (Comparison | undefined)[]): string {
  const targets = comparisons.map((comparison) => comparison?.atMost?.toFixed(1) ?? '–');
  return [...new Set(targets)].join(' / ').replace(/^–$/, '');
}

function describeRuns(saved: readonly SavedRow[]): string[] {
  const dates = [...new Set(saved.map(({ date }) => date))].sort();
  const machines = new Set(saved.map(({ machine }) => machine));
  const versions = new Set(
    saved.flatMap((one) => Object.entries(one.versions).map(([name, version]) => `${name.split(' ')[0]} ${version}`)),
  );
  return [
    `Measured ${dates.join(', ')} on ${[...machines].join('; and on ')}, with ${[...versions].sort().join(', ')}.`,
  ];
}
