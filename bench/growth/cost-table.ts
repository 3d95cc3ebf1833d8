/**
 * Costs as a table in Markdown.
 *
 * @module
 */
import type { Cost } from './run-narkit.ts';

/** What a copy of an amount, GiB or paths, cost. */
export interface AmountCost {
  readonly copy: string;
  readonly amount: number;
  readonly cost: Cost;
}

/** A line for each copy, with its memory for each amount, and the longest that any of them kept the event loop. */
export function formatCosts(rows: readonly AmountCost[], formatAmount: (amount: number) => string): string {
  const amounts = [...new Set(rows.map(({ amount }) => amount))].sort((left, right) => left - right);
  const copies = [...new Set(rows.map(({ copy }) => copy))];
  const lines = copies.map((copy) => {
    const of = rows.filter((row) => row.copy === copy);
    const memory = amounts.map((amount) => formatMemory(of.find((row) => row.amount === amount)?.cost));
    const longest = Math.max(...of.map(({ cost }) => cost.longestStallMs));
    return [copy, ...memory, `${longest.toFixed(0)} ms`];
  });
  const head = ['copy', ...amounts.map(formatAmount), 'longest standstill'];
  const rule = head.map((_, index) => (index === 0 ? '---' : '--:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function formatMemory(cost: Cost | undefined): string {
  return cost === undefined ? '' : `${Math.round(cost.peakBytes / 1e6)} MB`;
}
