/**
 * `npm run bench`: measures rows, shows them, and compares them with those that were saved.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPeer, whyMissing } from '../test/peers/peers.ts';
import { openFixtures } from './fixtures/store.ts';
import { measureRow, type RowResult } from './measure-row.ts';
import { findNodes, findVersions } from './nodes.ts';
import { writePart } from './page.ts';
import {
  describeMachine,
  findMoves,
  isSteady,
  type Move,
  mergeRow,
  type Ratios,
  readRatios,
  writeRatios,
} from './ratios.ts';
import { formatMove, formatRow, formatTable } from './report.ts';
import type { Row } from './row.ts';
import { rows } from './rows/index.ts';
import { usePeers } from './use-peers.ts';

const usage = `usage: npm run bench -- [options]

  --only TEXT   rows whose name has this in it (may be repeated)
  --rounds N    instead of each row's own number
  --node N      with this Node alone: 20 or 24
  --quick       without instructions, growth and memory, which take another quarter of an hour
  --list        print the names of the rows
  --save        write bench/ratios.json, and the table in docs/performance.md, but for rows whose rounds are too far apart

Exit status 1 when a row failed, or when a ratio is worse than the saved one by more than its noise.
`;
const ratiosUrl = new URL('ratios.json', import.meta.url);

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    node: { type: 'string' },
    quick: { type: 'boolean' },
    list: { type: 'boolean' },
    save: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
const chosen = rows.filter(({ name }) => options.only?.some((text) => name.includes(text)) ?? true);

if (options.help || chosen.length === 0) process.stdout.write(usage);
else if (options.list) for (const { name } of chosen) console.log(name);
else {
  await run();
  if (options.only === undefined && !options.quick)
    for (const program of ['instructions.mjs', 'growth.mjs', 'memory.mjs']) runBench(program);
}

async function run(): Promise<void> {
  usePeers();
  const nodes = findNodes(options.node);
  if (nodes.length === 0) throw new Error(`no Node ${options.node} is here`);
  if (findPeer('nix-2.34') === undefined) {
    console.log(`nothing measured: Nix makes the store that is measured: ${whyMissing('nix-2.34')}`);
    process.exitCode = 1;
    return;
  }
  const machine = describeMachine();
  const date = new Date().toISOString().slice(0, 10);
  const versions = findVersions(nodes);
  const fixtures = await openFixtures((line) => console.error(line));
  const directory = await mkdtemp(join(fixtures.directory, 'run-'));
  // However this ends: there may be gigabytes in it.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const moves: Move[] = [];
  try {
    for (const row of chosen) {
      const why = row.missing?.();
      if (why !== undefined) {
        console.log(`${row.name}\n  not measured: ${why}`);
        continue;
      }
      try {
        const result = await measure(row);
        console.log(formatRow(row.name, result));
        // Read each time: another run may have saved meanwhile.
        const before = readRatios(ratiosUrl);
        moves.push(...findMoves(row.name, before[row.name], result, machine));
        if (options.save && isSteady(result))
          await save({ ...before, [row.name]: mergeRow(before[row.name], result, { date, machine, versions }) });
        else if (options.save) console.log('  not saved: its rounds are too far apart; is the machine busy?');
      } catch (error) {
        console.log(`${row.name}\n  FAILED: ${error instanceof Error ? error.message : error}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await fixtures.close();
  }
  for (const move of moves) console.log(formatMove(move));
  if (!options.save && moves.some(({ judgement }) => judgement === 'worse')) process.exitCode = 1;

  async function measure(row: Row): Promise<RowResult> {
    const openRow = await row.open(fixtures);
    try {
      const rounds = Number(options.rounds ?? row.rounds ?? 5);
      return await measureRow(openRow, { nodes, rounds, isLong: row.isLong ?? false, directory });
    } finally {
      await openRow.close?.();
    }
  }
}

async function save(ratios: Ratios): Promise<void> {
  writeRatios(ratiosUrl, ratios);
  await writePart('rows', formatTable(rows, ratios));
}

/** Another bench, which has a command of its own, too. */
function runBench(program: string): void {
  console.log(`\n${program}`);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...(options.save ? ['--save'] : [])], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
