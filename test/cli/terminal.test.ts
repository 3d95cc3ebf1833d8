/** What only a terminal gets: the progress line, gone when the copy is done; and names without what commands the terminal. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { narkitProgram as program } from '../programs.ts';

const eraseLine = '\r\u001b[K';
// Of util-linux: it runs a command on a terminal of its own.
const script = '/usr/bin/script';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-cli-terminal-'));
  const hash = (index: number): string => String(index).padStart(32, '0');
  await mkdir(join(directory, 'store'));
  for (let index = 0; index < 20; index++)
    await writeFile(join(directory, 'store', `${hash(index)}-path`), Buffer.alloc(4 * 1024 * 1024, index));
});
afterAll(() => rm(directory, { recursive: true }));

let made = 0;
const copyAll = (): string =>
  `'${process.execPath}' '${program}' copy --from 'tree:${directory}/store' --to 'file://${directory}/cache-${++made}?compression=gzip' --all`;

/** All that a terminal was sent. */
function onTerminal(command: string, env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { env: { PATH: process.env.PATH, TERM: 'xterm', ...env }, maxBuffer: 2 ** 26 };
    const args = ['-qec', `stty cols ${columns}; ${command}`, '/dev/null'];
    execFile(script, args, settings, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}
const columns = 60;

/** What stands on the screen in the end: each line after its last erasure. */
function screen(text: string): string {
  return text
    .split('\r\n')
    .map((line) => line.split(eraseLine).at(-1))
    .join('\n');
}

describe.skipIf(!existsSync(script))('on a terminal', () => {
  test('paths, bytes, rate and what is left, in one line that goes away', async () => {
    const text = await onTerminal(copyAll());
    const lines = text.split(eraseLine);
    expect(lines.some((line) => /^\[\d+\/20 paths, [\d.]+ \w+\/80\.0 MiB\] [\d.]+ \w+\/s, \d+s left$/.test(line))).toBe(
      true,
    );
    for (const line of lines.slice(0, -1)) expect(line.length).toBeLessThan(columns);
    expect(screen(text)).toMatch(/^file:\S+: 20 copied \(80\.0 MiB\), 0 present\n$/);
  });

  test('lines for each path stand above it', async () => {
    const text = screen(await onTerminal(`${copyAll()} --verbose`));
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(21);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^copied '\/nix\/store\/.*'/);
  });

  test.each([
    ['TERM=dumb', { TERM: 'dumb' }, ''],
    ['NO_COLOR', { NO_COLOR: '1' }, ''],
    ['--quiet', {}, '--quiet'],
    ['standard error in a pipe', {}, '2>&1 | cat'],
  ])('none with %s', async (_, env, more) => {
    expect(await onTerminal(`${copyAll()} ${more}`, env)).not.toMatch(/\u001b|\r(?!\n)/);
  });

  test('data on standard output is not disturbed', async () => {
    const text = screen(await onTerminal(`${copyAll()} --json > '${directory}/lines' && cat '${directory}/lines'`));
    const json = text.split('\n').filter((line) => line.startsWith('{'));
    expect(json.map((line) => JSON.parse(line).outcome)).toEqual(Array(20).fill('copied'));
  });

  test('a listing has no name that commands it', async () => {
    const path = `${'1'.repeat(32)}-names`;
    await mkdir(join(directory, 'names', path), { recursive: true });
    await writeFile(join(directory, 'names', path, 'red\u001b[31m\u009b\r\nä'), '');
    const list = `'${process.execPath}' '${program}' store ls --store 'tree:${directory}/names' ${path}`;
    expect(await onTerminal(list)).toBe('./red?[31m???ä\r\n');
    expect(await onTerminal(`${list} | cat`)).toContain('\u001b[31m');
  });
});
