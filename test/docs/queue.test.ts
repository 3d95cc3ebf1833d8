/** docs/queue.md, step by step, with the fixture store and a cache of files. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNarkitConfig } from '../../src/config/index.ts';
import { fixtureStore } from '../cli/run-narkit.ts';
import { narkitProgram as program } from '../programs.ts';
import { outputPattern, parseGuide } from './guide.ts';

const run = promisify(execFile);
const guide = await readFile(fileURLToPath(new URL('../../docs/queue.md', import.meta.url)), 'utf8');

describe('docs/queue.md', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-docs-queue-'));
    await writeFile(join(directory, 'narkit'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
      mode: 0o755,
    });
    await writeFile(
      join(directory, 'config.toml'),
      `from = "${fixtureStore}"\nto = "file://${directory}/cache"\n[queue]\ndirectory = "${directory}/queue"\ngc-roots = false\n`,
    );
    await mkdir(join(directory, 'queue'));
    const { stdout } = await run(process.execPath, [program, 'path-info', '--all', '--store', fixtureStore]);
    await writeFile(join(directory, 'built'), stdout);
  });
  afterAll(() => rm(directory, { recursive: true }));

  // A worker waits for nobody: it is run before what waits for it.
  const steps = parseGuide(guide).filter((step) => step.kind === 'command');
  const isWait = ({ command }: { command: string }): boolean => command.startsWith('narkit queue wait');
  const ordered = [...steps.filter((step) => !isWait(step)), ...steps.filter(isWait)];

  it.each(ordered.map((step) => [step.command, step] as const))('%s', async (command, step) => {
    const { stdout } = await run('/bin/sh', ['-c', command.replaceAll('/tmp/', `${directory}/`)], {
      env: { PATH: `${directory}:${process.env.PATH}`, NARKIT_CONFIG: join(directory, 'config.toml') },
    });
    if (step.output.length > 0) expect(stdout).toMatch(outputPattern(step.output));
  });

  it('shows the settings as they are without it', () => {
    const [, toml = ''] = /^```toml\n(.*?)^```$/ms.exec(guide)!;
    const shown = parseNarkitConfig(`to = "daemon"\n${toml}`, 'docs/queue.md').queue;
    const { queue } = parseNarkitConfig('to = "daemon"\n', 'none');
    expect({ ...shown, metrics: undefined, gcRoots: undefined }).toEqual(queue);
  });
});
