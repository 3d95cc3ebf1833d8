import { expect, test } from 'vitest';
import { formatCosts } from '../../bench/growth/cost-table.ts';

const cost = (megabytes: number, longestStallMs: number) => ({
  milliseconds: 1,
  peakBytes: megabytes * 1e6,
  longestStallMs,
});

test('each copy has its memory for each amount, and its longest standstill', () => {
  const rows = [
    { copy: 'to files', amount: 8, cost: cost(101.4, 20.2) },
    { copy: 'to files', amount: 1, cost: cost(100, 35) },
    { copy: 'to nginx', amount: 1, cost: cost(90, 4) },
  ];
  expect(formatCosts(rows, (amount) => `${amount} GiB`)).toBe(
    '| copy | 1 GiB | 8 GiB | longest standstill |\n' +
      '| --- | --: | --: | --: |\n' +
      '| to files | 100 MB | 101 MB | 35 ms |\n' +
      '| to nginx | 90 MB |  | 4 ms |',
  );
});
