/** docs/performance.md: its commands are there, and choose rows. What they measure would take minutes. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseGuide } from './guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');
const commands = parseGuide(page).flatMap((step) => (step.kind === 'command' ? [step.command] : []));
const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

describe('docs/performance.md', () => {
  it('has commands', () => expect(commands.length).toBeGreaterThan(2));

  it.each(commands)('%s', async (command) => {
    const [, script] = /^npm run (\S+)/.exec(command)!;
    expect(scripts).toHaveProperty([script!]);
    if (script !== 'bench') return;
    const args = / -- (.*)$/.exec(command)?.[1] ?? '';
    const { stdout } = await promisify(execFile)('sh', ['-c', `node bench/bench.mjs ${args} --list`], { cwd: root });
    expect(stdout.trim().split('\n').length).toBeGreaterThan(0);
    expect(stdout).not.toContain('usage');
  });
});
