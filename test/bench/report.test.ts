import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../bench/measure-row.ts';
import { replacePart } from '../../bench/page.ts';
import { readRatios } from '../../bench/ratios.ts';
import { formatRow, formatTable } from '../../bench/report.ts';
import type { Row } from '../../bench/row.ts';
import { rows } from '../../bench/rows/index.ts';

const copy: Row = {
  name: 'copy',
  meaning: 'How fast it goes.',
  open: () => {
    throw new Error('only shown');
  },
};
const compared: Comparison[] = [
  { peer: 'nix copy', node: 'Node 20', ratio: 1.234, spread: 0.02, rounds: 5, atMost: 1 },
  { peer: 'tar', node: 'Node 20', ratio: 3, spread: 0.1, rounds: 5 },
  { peer: 'nix copy', node: 'Node 24', ratio: 0.6, spread: 0.02, rounds: 5, atMost: 0.6 },
  { peer: 'tar', node: 'Node 24', ratio: 2, spread: 0.1, rounds: 5 },
];
const measured = {
  'narkit, Node 20': { milliseconds: 1234, peakMB: 100 },
  'narkit, Node 24': { milliseconds: 600, peakMB: 120 },
  'nix copy': { milliseconds: 1000, peakMB: 30 },
  tar: { milliseconds: 300 },
};

it('writes a row for a terminal', () => {
  expect(formatRow('copy', { measured, compared: compared.slice(0, 3), missing: { 'Nix 2.8': 'no Nix 2.8' } })).toBe(
    `copy
  narkit, Node 20                                 1.23 s    100 MB
  narkit, Node 24                                 600 ms    120 MB
  nix copy                                        1.00 s     30 MB
  tar                                             300 ms
  Node 20 ÷ nix copy                                 1.23 ±0.02  at most 1.0: NOT MET
  Node 20 ÷ tar                                      3.00 ±0.10
  Node 24 ÷ nix copy                                 0.60 ±0.02  at most 0.6: met
  Nix 2.8: not measured: no Nix 2.8`,
  );
});

describe('the table', () => {
  const versions = { 'Node 20': '20.1.0', 'Nix 2.34': '2.34.0' };
  const ratios = { copy: { date: '2026-01-01', machine: '2 cores', versions, measured, compared } };

  it('has a line for narkit and one for each peer', () => {
    expect(formatTable([copy, { ...copy, name: 'never measured' }], ratios)).toBe(
      `Measured 2026-01-01 on 2 cores, with Nix 2.34.0, Node 20.1.0.

| | beside | at most | Node 20 | Node 24 |
|---|---|---|---|---|
| **copy** | | | 1.23 s, 100 MB | 600 ms, 120 MB |
| | nix copy: 1.00 s, 30 MB | 1.0 / 0.6 | **1.23 ±0.02** ✗ | 0.60 ±0.02 ✓ |
| | tar: 300 ms |  | 3.00 ±0.10 | 2.00 ±0.10 |

- **copy**: How fast it goes.`,
    );
  });

  it('in docs/performance.md is that of bench/ratios.json', async () => {
    const page = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8');
    const saved = readRatios(new URL('../../bench/ratios.json', import.meta.url));
    expect(replacePart(page, 'rows', formatTable(rows, saved))).toBe(page);
  });
});

it('all rows have names of their own, and say what they mean', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  for (const { meaning } of rows) expect(meaning).toMatch(/\.$/);
});
