/** docs/library.md, step by step, in an empty project with the package as npm packs it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { outputPattern, parseGuide } from './guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const steps = parseGuide(readFileSync(join(root, 'docs/library.md'), 'utf8'));

describe('docs/library.md', () => {
  const project = mkdtempSync(join(tmpdir(), 'narkit-library-'));
  afterAll(() => rmSync(project, { recursive: true }));

  it.each(
    steps.map((step, index) => [index, step.kind === 'file' ? `writes ${step.path}` : step.command, step] as const),
  )(
    'step %i: %s',
    async (_index, _title, step) => {
      if (step.kind === 'file') return writeFile(join(project, step.path), step.text);
      let { command } = step;
      if (command === 'npm install --silent narkit') {
        const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], {
          cwd: root,
        });
        command = `npm install --silent ./${stdout.trim()}`;
      }
      const { stdout } = await run('/bin/sh', ['-c', command], { cwd: project });
      if (step.output.length > 0) expect(stdout).toMatch(outputPattern(step.output));
    },
    120_000,
  );
});
