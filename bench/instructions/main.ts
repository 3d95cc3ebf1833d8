/**
 * `npm run bench:instructions`: a line for each kind of work and each Node, compared with what was saved.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findNodes } from '../nodes.ts';
import { writePart } from '../page.ts';
import { judgeMove } from '../statistics.ts';
import { usePeers } from '../use-peers.ts';
import { countedWorks, countInstructions, whyNoCounts } from './count-instructions.ts';
import { formatCounts, type SavedCounts } from './saved-counts.ts';

const savedUrl = new URL('../instructions.json', import.meta.url);

const { values: options } = parseArgs({ options: { save: { type: 'boolean' }, node: { type: 'string' } } });
const missing = await whyNoCounts();
if (missing !== undefined) console.log(`instructions: not measured: ${missing}`);
else await run();

async function run(): Promise<void> {
  usePeers();
  const saved = JSON.parse(await readFile(savedUrl, 'utf8').catch(() => '{}')) as SavedCounts;
  const counts = structuredClone(saved);
  for (const node of findNodes(options.node)) {
    for (const work of countedWorks) {
      const instructions = Math.round(await countInstructions(node.file, work));
      console.log(`${work.name}, ${node.name}: ${instructions.toLocaleString('en')} instructions a ${work.unit}`);
      compare(`${work.name}, ${node.name}`, saved[node.name]?.counts[work.name], instructions);
      const before = counts[node.name]?.counts;
      counts[node.name] = { version: node.version, counts: { ...before, [work.name]: instructions } };
    }
  }
  if (!options.save) return;
  await writeFile(savedUrl, `${JSON.stringify(counts, undefined, 2)}\n`);
  await writePart('instructions', formatCounts(countedWorks, counts));
}

/** Nothing but what is measured moves them, another version of Node among it. */
function compare(name: string, before: number | undefined, now: number): void {
  if (before === undefined) return;
  const exact = { spread: 0, rounds: 1 };
  const judgement = judgeMove({ ...exact, ratio: before }, { ...exact, ratio: now });
  if (judgement === 'same') return;
  console.log(`${judgement}: ${name}: ${(now / before).toFixed(2)} times what was saved`);
  if (judgement === 'worse' && !options.save) process.exitCode = 1;
}
