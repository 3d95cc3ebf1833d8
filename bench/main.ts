/**
 * `npm run bench`: measures rows, shows them, and compares them with those that were saved.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openFixtures } from './fixtures/store.ts';
import { measureRow } from './measure-row.ts';
import { findNodes } from './nodes.ts';
import { formatRow } from './report.ts';
import { rows } from './rows/index.ts';

const usage = `usage: npm run bench -- [options]

  --only TEXT   rows whose name has this in it (may be repeated)
  --rounds N    instead of each row's own number
  --node N      with this Node alone: 20 or 24
  --list        print the names of the rows
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    node: { type: 'string' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
const chosen = rows.filter(({ name }) => options.only?.some((text) => name.includes(text)) ?? true);

if (options.help || chosen.length === 0) process.stdout.write(usage);
else if (options.list) for (const { name } of chosen) console.log(name);
else await run();

async function run(): Promise<void> {
  usePeers();
  const nodes = findNodes(options.node);
  if (nodes.length === 0) throw new Error(`no Node ${options.node} is here`);
  const fixtures = await openFixtures((line) => console.error(line));
  const directory = await mkdtemp(join(fixtures.directory, 'run-'));
  try {
    for (const row of chosen) {
      const missing = row.missing?.();
      if (missing !== undefined) {
        console.log(`${row.name}\n  not measured: ${missing}`);
        continue;
      }
      try {
        const openRow = await row.open(fixtures);
        try {
          const rounds = Number(options.rounds ?? row.rounds ?? 5);
          const result = await measureRow(openRow, { nodes, rounds, isLong: row.isLong ?? false, directory });
          console.log(formatRow(row.name, result));
        } finally {
          await openRow.close?.();
        }
      } catch (error) {
        console.log(`${row.name}\n  FAILED: ${error instanceof Error ? error.message : error}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    await fixtures.close();
  }
}

/** Where `test/peers/install.sh` puts them for a run of CI, unless told otherwise. */
function usePeers(): void {
  const usual = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'narkit-peers');
  if (!process.env.NARKIT_PEERS && existsSync(usual)) process.env.NARKIT_PEERS = usual;
}
