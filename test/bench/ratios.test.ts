import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Comparison, RowResult } from '../../bench/measure-row.ts';
import { findMoves, isSteady, mergeRow, readRatios, type SavedRow, writeRatios } from '../../bench/ratios.ts';

const compared = (node: string, ratio: number, rounds = 5): Comparison => ({
  peer: 'nix copy',
  node,
  ratio,
  spread: 0.01,
  rounds,
});
const result = (...comparisons: Comparison[]): RowResult => ({ measured: {}, compared: comparisons, missing: {} });
const saved = (...comparisons: Comparison[]): SavedRow => ({
  date: '2026-01-01',
  machine: 'mine',
  versions: { 'Node 20': '20.1.0', 'Node 24': '24.1.0' },
  measured: { 'narkit, Node 20': { milliseconds: 1 }, 'narkit, Node 24': { milliseconds: 2 } },
  compared: comparisons,
});

describe('findMoves', () => {
  it('tells what moved, to either side, each Node by itself', () => {
    const before = saved(compared('Node 20', 1), compared('Node 24', 1));
    const moves = findMoves('copy', before, result(compared('Node 20', 1.5), compared('Node 24', 0.5)), 'mine');
    expect(moves.map(({ now, judgement }) => [now.node, judgement])).toEqual([
      ['Node 20', 'worse'],
      ['Node 24', 'better'],
    ]);
  });

  it('says nothing of what stayed, is new, was measured elsewhere, or too seldom', () => {
    const before = saved(compared('Node 20', 1));
    expect(findMoves('copy', before, result(compared('Node 20', 1.01)), 'mine')).toEqual([]);
    expect(findMoves('copy', undefined, result(compared('Node 20', 2)), 'mine')).toEqual([]);
    expect(findMoves('copy', before, result(compared('Node 24', 2)), 'mine')).toEqual([]);
    expect(findMoves('copy', before, result(compared('Node 20', 2)), 'another')).toEqual([]);
    expect(findMoves('copy', before, result(compared('Node 20', 2, 1)), 'mine')).toEqual([]);
  });
});

it('isSteady asks whether rounds agree where there is a figure to reach', () => {
  const steady = { ...compared('Node 20', 1), atMost: 1 };
  const busy = { ...steady, spread: 0.2 };
  expect(isSteady(result(steady))).toBe(true);
  expect(isSteady(result(steady, busy))).toBe(false);
  expect(isSteady(result(steady, { ...compared('Node 20', 1), spread: 0.2 }))).toBe(true);
});

describe('mergeRow', () => {
  const of = { date: '2026-02-02', machine: 'mine', versions: { 'Node 24': '24.2.0' } };

  it('keeps what this run left out', () => {
    const before = saved(compared('Node 20', 1), compared('Node 24', 1));
    const now = { ...result(compared('Node 24', 2)), measured: { 'narkit, Node 24': { milliseconds: 3 } } };
    expect(mergeRow(before, now, of)).toEqual({
      date: '2026-02-02',
      machine: 'mine',
      versions: { 'Node 20': '20.1.0', 'Node 24': '24.2.0' },
      measured: { 'narkit, Node 20': { milliseconds: 1 }, 'narkit, Node 24': { milliseconds: 3 } },
      compared: [compared('Node 20', 1), compared('Node 24', 2)],
    });
  });

  it('keeps nothing of another machine', () => {
    const before = saved(compared('Node 20', 1));
    const merged = mergeRow(before, result(compared('Node 24', 2)), { ...of, machine: 'another' });
    expect(merged.compared).toEqual([compared('Node 24', 2)]);
    expect(merged.measured).toEqual({});
  });
});

it('reads what it wrote, and nothing where nothing was written', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'narkit-ratios-'));
  try {
    const url = pathToFileURL(join(directory, 'ratios.json'));
    expect(readRatios(url)).toEqual({});
    writeRatios(url, { copy: saved(compared('Node 20', 1)) });
    expect(readRatios(url)).toEqual({ copy: saved(compared('Node 20', 1)) });
  } finally {
    await rm(directory, { recursive: true });
  }
});
