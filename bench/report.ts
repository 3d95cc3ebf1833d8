/**
 * A row's figures, for a terminal.
 *
 * @module
 */
import type { Comparison, RowResult } from './measure-row.ts';

/** The lines of one row: what each program took, and what narkit took of each peer's time. */
export function formatRow(name: string, { measured, compared, missing }: RowResult): string {
  const lines = [name];
  for (const [program, { milliseconds, peakMB }] of Object.entries(measured))
    lines.push(
      `  ${program.padEnd(44)}${formatMilliseconds(milliseconds).padStart(10)}${peakMB === undefined ? '' : `${peakMB} MB`.padStart(10)}`,
    );
  for (const comparison of compared)
    lines.push(
      `  ${`${comparison.node} ÷ ${comparison.peer}`.padEnd(44)}${formatRatio(comparison).padStart(17)}${formatTarget(comparison)}`,
    );
  for (const [peer, why] of Object.entries(missing)) lines.push(`  ${peer}: not measured: ${why}`);
  return lines.join('\n');
}

/** `0.62 ±0.03` */
export function formatRatio({ ratio, spread }: Pick<Comparison, 'ratio' | 'spread'>): string {
  return `${ratio.toFixed(2)} ±${spread.toFixed(2)}`;
}

/** `12.3 s`, `1.23 s`, `123 ms` */
export function formatMilliseconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;
}

function formatTarget({ ratio, atMost }: Comparison): string {
  if (atMost === undefined) return '';
  return `  at most ${atMost.toFixed(1)}: ${ratio <= atMost ? 'met' : 'NOT MET'}`;
}
