/** Readers that leave, that are slow, and disks that are full. */
import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { narkitProgram as program } from '../programs.ts';
import { fixtureStore, startNarkit } from './run-narkit.ts';

const narkit = `'${process.execPath}' '${program}'`;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-cli-pipes-'));
  const large = await open(join(directory, 'large'), 'w');
  await large.truncate(512 * 1024 * 1024); // a hole: no room on the disk
  await large.close();
});
afterAll(() => rm(directory, { recursive: true }));

function bash(script: string): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd: directory }, (error, stdout, stderr) =>
      resolve({ exitCode: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test.each([
  ['nar pack large', 'head -c 8 | od -An -t d1'],
  ['hash path large large large large', 'head -0'],
  [`path-info --store '${fixtureStore}' --all`, 'head -1'],
  ['--help', 'head -1'],
])('narkit %s | %s ends, and says nothing', async (command, reader) => {
  const { stderr } = await bash(`${narkit} ${command} | ${reader}; exit "\${PIPESTATUS[0]}"`);
  expect(stderr).toBe('');
});

test('a copy goes on when nobody reads its lines', async () => {
  const copy = `copy --json --quiet --from '${fixtureStore}' --to 'file://${directory}/cache' --all`;
  expect(await bash(`${narkit} ${copy} | head -0; exit "\${PIPESTATUS[0]}"`)).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
  expect((await readdir(join(directory, 'cache'))).filter((name) => name.endsWith('.narinfo'))).toHaveLength(3);
});

test.each(['nar pack large', 'hash convert sha1:800d59cfcd3c05e900cb4e214be48f6b886a08df'])(
  'narkit %s onto a full disk is an error',
  async (command) => {
    const { exitCode, stderr } = await bash(`${narkit} ${command} > /dev/full`);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: cannot write to standard output: ENOSPC/);
  },
);

test('standard input and output may be closed', async () => {
  expect(await bash(`${narkit} hash path large <&- >&-`)).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await bash(`${narkit} key convert-secret-to-public <&-`)).toMatchObject({ exitCode: 1 });
});

test('a slow reader is waited for, not buffered for', async () => {
  const child = startNarkit(['nar', 'pack', 'large'], { cwd: directory });
  const iterator = child.stdout!.iterator()[Symbol.asyncIterator]();
  let bytes = 0;
  while (bytes < 64 * 1024 * 1024) bytes += (await iterator.next()).value.length;
  await delay(500); // in which the rest of the file would fit into memory
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  child.kill('SIGKILL');
  expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)![1])).toBeLessThan(200 * 1024);
});

test.each([
  ['copy', '--from', fixtureStore, '--to', 'file:never', '--stdin'],
  ['key', 'convert-secret-to-public'],
])('Ctrl-C ends %s while it waits for standard input', async (...args) => {
  const child = startNarkit(args, { cwd: directory });
  const stderr = text(child.stderr!);
  await untilIdle(child.pid!);
  child.kill('SIGINT');
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  expect([exitCode, await stderr]).toEqual([130, '']);
});

/** It has begun, and has nothing to do any more. */
async function untilIdle(pid: number): Promise<void> {
  const ticks = async (): Promise<string> =>
    (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ').slice(13, 15).join(' ');
  for (let before = ''; ; ) {
    await delay(700);
    const now = await ticks();
    if (now === before) return;
    before = now;
  }
}
