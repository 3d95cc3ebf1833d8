/**
 * The rounds of one row: in each, every program once, in turn.
 *
 * @module
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, NodeVersion, OpenRow, Peer, Run } from './row.ts';
import { type Measurement, runProcess } from './run-process.ts';
import { compareRounds, median, type Ratio } from './statistics.ts';

/** What one program took. */
export interface Measured {
  readonly milliseconds: number;
  readonly peakMB?: number | undefined;
}

/** narkit beside a peer, on one Node. */
export interface Comparison extends Ratio {
  /** Its name, and what was added to its time. */
  readonly peer: string;
  readonly node: string;
  readonly atMost?: number | undefined;
}

export interface RowResult {
  /** By program: `narkit, Node 20`, `nix copy`. */
  readonly measured: Readonly<Record<string, Measured>>;
  readonly compared: readonly Comparison[];
  /** Peers that are not here, and why. */
  readonly missing: Readonly<Record<string, string>>;
}

export interface MeasureRowOptions {
  readonly nodes: readonly NodeVersion[];
  readonly rounds: number;
  /** Without a round that does not count. */
  readonly isLong: boolean;
  /** An existing directory, for what runs write. */
  readonly directory: string;
}

interface Program {
  readonly name: string;
  readonly node: NodeVersion;
  readonly command: (run: Run) => Command | Promise<Command>;
  readonly measurements: Measurement[];
  peakBytes?: number | undefined;
}

/** Measure all programs of a row. */
export async function measureRow(row: OpenRow, options: MeasureRowOptions): Promise<RowResult> {
  const { nodes, rounds, isLong } = options;
  const here = row.peers.filter(({ missing }) => missing === undefined);
  const programs = [
    ...nodes.map((node) => createProgram(narkitOn(node), node, (run) => row.narkit(run))),
    ...here.flatMap((peer) =>
      (peer.perNode ? nodes : nodes.slice(0, 1)).map((node) =>
        createProgram(nameOf(peer, node), node, (run) => peer.command(run)),
      ),
    ),
  ];

  for (let round = isLong ? 0 : -1; round < rounds; round++) {
    const isFirst = round === (isLong ? 0 : -1);
    // There and back again: who goes first meets another machine than who goes last.
    for (const program of round % 2 === 0 ? programs : programs.toReversed()) {
      const measurement = await measure(program, row, options, isFirst ? (isLong ? 20 : 2) : undefined);
      if (isFirst) program.peakBytes = measurement.peakBytes;
      if (round >= 0) program.measurements.push(measurement);
    }
  }

  const timesOf = (name: string): number[] =>
    programs.find((program) => program.name === name)!.measurements.map(({ milliseconds }) => milliseconds);
  return {
    measured: Object.fromEntries(programs.map((program) => [program.name, summarize(program)])),
    compared: nodes.flatMap((node) =>
      here.map((peer) => {
        const { atMost, plusMs = 0, plusPeer } = peer;
        const besides = row.peers.find(({ name }) => name === plusPeer);
        const more = besides && timesOf(nameOf(besides, node));
        const peerTimes = timesOf(nameOf(peer, node)).map((ms, round) => ms + plusMs + (more?.[round] ?? 0));
        return {
          peer: [peer.name, ...(plusMs > 0 ? [`${plusMs} ms`] : []), ...(plusPeer ? [plusPeer] : [])].join(' + '),
          node: node.name,
          ...compareRounds(timesOf(narkitOn(node)), peerTimes),
          atMost: typeof atMost === 'number' ? atMost : atMost?.[node.major],
        };
      }),
    ),
    missing: Object.fromEntries(row.peers.flatMap(({ name, missing }) => (missing ? [[name, missing]] : []))),
  };
}

/** The name of narkit among the programs of a row. */
export function narkitOn(node: { readonly name: string }): string {
  return `narkit, ${node.name}`;
}

function nameOf(peer: Peer, node: NodeVersion): string {
  return peer.perNode ? `${peer.name}, ${node.name}` : peer.name;
}

function createProgram(name: string, node: NodeVersion, command: Program['command']): Program {
  return { name, node, command, measurements: [] };
}

async function measure(
  { node, command }: Program,
  row: OpenRow,
  { directory }: MeasureRowOptions,
  memoryEveryMs: number | undefined,
): Promise<Measurement> {
  const run: Run = { node, directory: join(directory, 'run') };
  await mkdir(run.directory);
  try {
    const logFile = join(directory, 'said');
    const measurement = await runProcess(await command(run), { logFile, memoryEveryMs });
    await row.afterRun?.(run);
    return measurement;
  } finally {
    await rm(run.directory, { recursive: true, force: true });
  }
}

function summarize({ measurements, peakBytes }: Program): Measured {
  const milliseconds = median(measurements.map((measurement) => measurement.milliseconds));
  return { milliseconds, ...(peakBytes !== undefined && { peakMB: Math.round(peakBytes / 1e6) }) };
}
