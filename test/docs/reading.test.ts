/** docs/reading.md, step by step, with the program as it is built. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { narkitProgram as program } from '../programs.ts';
import { outputPattern, parseGuide } from './guide.ts';

const run = promisify(execFile);
const guide = fileURLToPath(new URL('../../docs/reading.md', import.meta.url));
const commands = parseGuide(readFileSync(guide, 'utf8')).flatMap((step) => (step.kind === 'command' ? step : []));

describe('docs/reading.md', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'narkit-reading-'));
    writeFileSync(join(directory, 'narkit'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
      mode: 0o755,
    });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(commands.map((step, index) => [index, step.command, step] as const))(
    'step %i: %s',
    async (_index, _command, { command, output }) => {
      const env = { PATH: `${directory}:${process.env.PATH}`, HOME: directory };
      // As on a terminal, where both streams are seen.
      const { stdout } = await run('/bin/sh', ['-c', `exec 2>&1\n${command}`], { cwd: directory, env });
      expect(stdout).toMatch(outputPattern(output));
    },
    60_000,
  );
});
