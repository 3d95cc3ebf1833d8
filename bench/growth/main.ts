/**
 * How the cost of a copy grows: with the size of a path, with the number of paths, with the distance of the cache.
 *
 * @module
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPeer, nix, whyMissing } from '../../test/peers/peers.ts';
import { usePeers } from '../use-peers.ts';
import { type Axis, drawChart, type Line, type Panel } from './chart.ts';
import { startDistantCache } from './distant-cache.ts';
import { type Machine, openMachine } from './machine.ts';
import { addClosure, addLargePath } from './registered-paths.ts';

const MiB = 2 ** 20;
const sizes = [1, 8, 64, 512, 4096].map((size) => size * MiB);
const counts = [10, 100, 1000, 10_000];
const roundTripsMs = [1, 20, 100];
const smallPathBytes = 1000;
const distantPaths = { count: 200, bytes: 140_000 };

type Costs = Map<string, Map<number, { milliseconds: number; peakBytes: number }>>;

const parts: Record<string, (machine: Machine) => Promise<string>> = {
  size: overSize,
  paths: overPaths,
  distance: overDistance,
};
const charts = fileURLToPath(new URL('../../docs/performance/', import.meta.url));

const { values, positionals } = parseArgs({ allowPositionals: true, options: { save: { type: 'boolean' } } });
const unknown = positionals.find((name) => !(name in parts));
if (unknown !== undefined) throw new TypeError(`'${unknown}' is none of ${Object.keys(parts).join(', ')}`);
usePeers();
const why = whyNotHere();
if (why !== undefined) console.log(`growth: not measured: ${why}`);
else for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) await measure(name);

function whyNotHere(): string | undefined {
  const lacking = (['nix-2.34', 'nginx'] as const).find((name) => findPeer(name) === undefined);
  return lacking && whyMissing(lacking);
}

async function measure(name: string): Promise<void> {
  const machine = await openMachine(nix('2.34')!);
  try {
    const chart = await parts[name]!(machine);
    if (values.save) await writeFile(join(charts, `${name}.svg`), chart);
  } finally {
    await machine.close();
  }
}

/** One path, to a cache in a folder. */
async function overSize({ daemon, narkit, peer }: Machine): Promise<string> {
  const costs: Costs = new Map();
  for (const size of sizes) {
    const path = await addLargePath(daemon.place, size);
    const rounds = size > 64 * MiB ? 1 : 3;
    for (const compression of ['zstd', 'none']) {
      const command = (directory: string) => [
        'copy',
        '--to',
        `file://${directory}/cache?compression=${compression}`,
        path,
      ];
      note(costs, `narkit, ${compression}`, size, await narkit(rounds, command));
      note(costs, `Nix, ${compression}`, size, await peer(rounds, command));
    }
    await rm(path);
  }
  const x: Axis = { title: 'size of the path', scale: 'log', ticks: sizes, format: formatSize };
  return drawChart('Time and memory of a copy to file://, by size of the path', [
    timePanel(costs, x),
    memoryPanel(costs, x),
  ]);
}

/** Small paths, to a cache in a folder. */
async function overPaths({ daemon, narkit, peer }: Machine): Promise<string> {
  const costs: Costs = new Map();
  for (const count of counts) {
    const path = await addClosure(daemon.place, count, smallPathBytes);
    const rounds = count > 1000 ? 1 : 3;
    const command = (directory: string) => ['copy', '--to', `file://${directory}/cache?compression=zstd`, path];
    note(costs, 'narkit', count, await narkit(rounds, command));
    note(costs, 'Nix', count, await peer(rounds, command));
  }
  const x: Axis = {
    title: 'paths of 1 kB',
    scale: 'log',
    ticks: counts,
    format: (count) => count.toLocaleString('en'),
  };
  return drawChart('Time and memory of a copy to file://, by number of paths', [
    timePanel(costs, x),
    memoryPanel(costs, x),
  ]);
}

/** Many paths, to and from a cache behind nginx. */
async function overDistance({ daemon, narkit, peer }: Machine): Promise<string> {
  const { place } = daemon;
  const path = await addClosure(place, distantPaths.count, distantPaths.bytes);
  const to: Costs = new Map();
  const from: Costs = new Map();
  for (const roundTripMs of roundTripsMs) {
    const cache = await startDistantCache(roundTripMs);
    try {
      const copyTo = (name: string) => () => ['copy', '--to', `${cache.url}/${name}?compression=zstd`, path];
      note(to, 'narkit', roundTripMs, await narkit(1, copyTo('narkit')), await cache.countRequests());
      note(to, 'Nix', roundTripMs, await peer(1, copyTo('nix')), await cache.countRequests());
      const copyFrom = ['copy', '--no-check-sigs', '--from', `${cache.url}/narkit`, path, '--to'];
      note(
        from,
        'narkit',
        roundTripMs,
        await narkit(1, (directory) => [...copyFrom, `tree:${directory}/store?store=${place.storeDir}`]),
        await cache.countRequests(),
      );
      const local = (directory: string) =>
        `local?real=${directory}/store&state=${directory}/state&log=${directory}/log`;
      note(
        from,
        'Nix',
        roundTripMs,
        await peer(1, (directory) => [...copyFrom, local(directory)]),
        await cache.countRequests(),
      );
    } finally {
      await cache.stop();
    }
  }
  const x: Axis = { title: 'round trip', scale: 'linear', ticks: [0, 20, 40, 60, 80, 100], format: (ms) => `${ms} ms` };
  return drawChart('Time of a copy of 200 paths of 140 kB to and from an HTTP cache, by distance', [
    timePanel(to, x, 'To an HTTP cache: 200 paths of 140 kB', 'linear'),
    timePanel(from, x, 'From an HTTP cache: the same', 'linear'),
  ]);
}

function note(
  costs: Costs,
  name: string,
  x: number,
  cost: { milliseconds: number; peakBytes: number; longestStallMs?: number },
  requests?: number,
): void {
  const { milliseconds, peakBytes, longestStallMs } = cost;
  costs.set(name, (costs.get(name) ?? new Map()).set(x, cost));
  const fields = [x, name, `${(milliseconds / 1000).toFixed(2)} s`, `${(peakBytes / 1e6).toFixed(0)} MB`];
  if (longestStallMs !== undefined) fields.push(`stood still ${longestStallMs.toFixed(0)} ms`);
  if (requests !== undefined) fields.push(`${requests} requests`);
  console.log(fields.join('\t'));
}

function timePanel(costs: Costs, x: Axis, title = 'Time', scale: Axis['scale'] = 'log'): Panel {
  const lines = linesOf(costs, ({ milliseconds }) => milliseconds / 1000);
  return {
    title,
    x,
    y: { title: 'seconds', scale, format: (seconds) => `${Number(seconds.toPrecision(1))} s` },
    lines,
  };
}

function memoryPanel(costs: Costs, x: Axis): Panel {
  const lines = linesOf(costs, ({ peakBytes }) => peakBytes / 1e6);
  return { title: 'Memory', x, y: { title: 'the most at a time', scale: 'linear', format: (MB) => `${MB} MB` }, lines };
}

function linesOf(costs: Costs, value: (cost: { milliseconds: number; peakBytes: number }) => number): Line[] {
  return [...costs].map(([name, points]) => ({
    name,
    of: name.startsWith('narkit') ? 'narkit' : 'peer',
    dashed: name.endsWith('none'),
    points: [...points].map(([x, cost]) => [x, value(cost)] as const),
  }));
}

function formatSize(bytes: number): string {
  return bytes < 1024 * MiB ? `${bytes / MiB} MiB` : `${bytes / 1024 / MiB} GiB`;
}
