/**
 * What was measured before, in `ratios.json`: a ratio is kept with its noise, its machine and its versions, and what moves is told.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Comparison, Measured, RowResult } from './measure-row.ts';
import { judgeMove } from './statistics.ts';

export interface SavedRow {
  /** Of the last run that was saved: `2026-11-22`. */
  readonly date: string;
  readonly machine: string;
  /** `Node 20`, `Nix 2.34`, …: their exact versions. */
  readonly versions: Readonly<Record<string, string>>;
  readonly measured: Readonly<Record<string, Measured>>;
  readonly compared: readonly Comparison[];
}

/** By names of rows. */
export type Ratios = Readonly<Record<string, SavedRow>>;

export interface Move {
  readonly row: string;
  readonly before: Comparison;
  readonly now: Comparison;
  readonly judgement: 'better' | 'worse';
}

/** Of a ratio that is worth to be kept. */
const mostNoise = 0.15;
/** Of fewer rounds, the noise is not known. */
const leastRounds = 3;

/** @param url absent: nothing was saved yet. */
export function readRatios(url: URL): Ratios {
  try {
    return JSON.parse(readFileSync(url, 'utf8')) as Ratios;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Do rounds agree well enough for their ratios to be kept? On a busy machine they do not. Peers for orientation are not asked. */
export function isSteady({ compared }: RowResult): boolean {
  return compared.every(({ atMost, ratio, spread }) => atMost === undefined || spread <= mostNoise * ratio);
}

export function writeRatios(url: URL, ratios: Ratios): void {
  writeFileSync(url, `${JSON.stringify(ratios, undefined, 2)}\n`);
}

/** What a row is from now on. What this run left out, such as another Node, stays where the machine is the same. */
export function mergeRow(
  before: SavedRow | undefined,
  { measured, compared }: RowResult,
  of: Pick<SavedRow, 'date' | 'machine' | 'versions'>,
): SavedRow {
  if (before?.machine !== of.machine) return { ...of, measured, compared };
  const kept = before.compared.filter((old) => !compared.some((one) => one.peer === old.peer && one.node === old.node));
  return {
    ...of,
    versions: { ...before.versions, ...of.versions },
    measured: { ...before.measured, ...measured },
    compared: [...kept, ...compared].sort((left, right) =>
      left.node < right.node ? -1 : left.node > right.node ? 1 : 0,
    ),
  };
}

/** What moved by more than its noise, to either side. Ratios of another machine are not compared. */
export function findMoves(row: string, before: SavedRow | undefined, result: RowResult, machine: string): Move[] {
  if (before?.machine !== machine) return [];
  return result.compared.flatMap((now): Move[] => {
    const old = before.compared.find(({ peer, node }) => peer === now.peer && node === now.node);
    if (old === undefined || Math.min(old.rounds, now.rounds) < leastRounds) return [];
    const judgement = judgeMove(old, now);
    return judgement === 'same' ? [] : [{ row, before: old, now, judgement }];
  });
}

/** `2 cores of AMD EPYC, 24 GiB, linux x64` */
export function describeMachine(): string {
  const [first, ...others] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `${others.length + 1} cores of ${first?.model.trim()}, ${gibibytes} GiB, ${process.platform} ${process.arch}`;
}
