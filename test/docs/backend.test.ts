/** docs/backend.md, step by step: the backend that it writes passes the suite that it runs. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { outputPattern, parseGuide } from './guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const steps = parseGuide(readFileSync(join(root, 'docs/backend.md'), 'utf8'));
const files = steps.filter((step) => step.kind === 'file');
const commands = steps.filter((step) => step.kind === 'command');

let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'narkit-guide-'));
  await mkdir(join(project, 'node_modules/.bin'), { recursive: true });
  await symlink(root, join(project, 'node_modules/narkit'));
  for (const name of ['vitest', '@types', '.bin/vitest'])
    await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  for (const { path, text } of files) await writeFile(join(project, path), text);
});
afterAll(() => rm(project, { recursive: true, force: true }));

it('compiles', () => {
  expect(files.map(({ path }) => path)).toEqual(['key-value-backend.ts', 'key-value-backend.test.ts']);
  const { options } = ts.convertCompilerOptionsFromJson(
    { module: 'node20', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, noEmit: true },
    project,
  );
  const settings = { ...options, skipLibCheck: true, allowImportingTsExtensions: true };
  const program = ts.createProgram(
    files.map(({ path }) => join(project, path)),
    settings,
  );
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(messages).toEqual([]);
});

it('passes', async () => {
  expect(commands).toHaveLength(1);
  const { command, output } = commands[0]!;
  const { VITEST: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: project, env: { ...env, NO_COLOR: '1' } });
  const summary = output.filter((line) => line !== '…').join('\n');
  expect(stdout.split('\n').some((line) => outputPattern([summary]).test(line))).toBe(true);
});
