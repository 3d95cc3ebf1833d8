/** One worker on a spool, proven with processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock, findLockHolder } from '../../src/queue/index.ts';
import { withoutRights } from '../config/without-rights.ts';

const built = pathToFileURL(join(import.meta.dirname, '../../dist/queue/lock.js')).href;

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGKILL');
  await rm(directory, { recursive: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** A process that takes the lock and waits. It says `locked`, or what was wrong. */
async function startHolder(spool = directory): Promise<{ child: ChildProcess; said: string }> {
  const script = `
    import { acquireLock } from '${built}';
    setInterval(() => {}, 1e6);
    try { await acquireLock(process.argv[1]); console.log('locked'); } catch (error) { console.log(error.code, error.processId); }
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, spool], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout!.setEncoding('utf8'), 'data');
  return { child, said: said.trim() };
}

it('is held until it is released', async () => {
  const lock = await acquireLock(directory);
  expect(await findLockHolder(directory)).toEqual({ processId: process.pid });
  await expect(acquireLock(directory)).rejects.toMatchObject({
    code: 'locked',
    processId: process.pid,
    message: expect.stringContaining(`process ${process.pid}`),
  });
  await lock.release();
  expect(await findLockHolder(directory)).toBeUndefined();
  expect(await readdir(join(directory, 'lock'))).toEqual([]);
  expect(await readdir(join(directory, 'tmp'))).toEqual([]);
  await (await acquireLock(directory)).release();
});

it('keeps other processes out, and is free when its process is killed', async () => {
  const { child, said } = await startHolder();
  expect(said).toBe('locked');
  expect(await findLockHolder(directory)).toEqual({ processId: child.pid });
  await expect(acquireLock(directory)).rejects.toMatchObject({ code: 'locked', processId: child.pid });
  expect((await startHolder()).said).toBe(`locked ${child.pid}`);

  await end(child, 'SIGKILL');
  expect(await findLockHolder(directory)).toBeUndefined();
  const lock = await acquireLock(directory);
  expect(await readdir(join(directory, 'lock'))).toHaveLength(1);
  await lock.release();
});

it('stays with a process that is stopped', async () => {
  const { child } = await startHolder();
  child.kill('SIGSTOP');
  await expect(acquireLock(directory)).rejects.toMatchObject({ code: 'locked', processId: child.pid });
  expect(await findLockHolder(directory)).toEqual({ processId: child.pid });
});

it('goes to one of all who come at the same time', async () => {
  // Who has it writes twice, a while apart: nobody else may write between.
  const log = join(directory, 'log');
  const script = `
    import { appendFileSync } from 'node:fs';
    import { acquireLock } from '${built}';
    for (let turns = 0; turns < 8; ) {
      try {
        const lock = await acquireLock(process.argv[1]);
        appendFileSync(process.argv[2], process.pid + '\\n');
        await new Promise((resolve) => setTimeout(resolve, 5));
        appendFileSync(process.argv[2], process.pid + '\\n');
        turns++;
        if (turns === 8) process.kill(process.pid, 'SIGKILL');
        await lock.release();
      } catch (error) {
        if (error.code !== 'locked') throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20 * Math.random()));
    }
  `;
  const contenders = Array.from({ length: 6 }, () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory, log], { stdio: 'inherit' });
    children.push(child);
    return once(child, 'exit');
  });
  for (const [, signal] of await Promise.all(contenders)) expect(signal).toBe('SIGKILL');
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(96);
  for (let index = 0; index < lines.length; index += 2) expect(lines[index + 1]).toBe(lines[index]);
  await (await acquireLock(directory)).release();
});

it('goes to one of those who come together within a process', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(directory)));
  const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(locks).toHaveLength(1);
  await locks[0]?.release();
});

it('works however long the name of the directory is', async () => {
  const long = join(directory, 'x'.repeat(200), 'y'.repeat(200));
  await mkdir(long, { recursive: true });
  const lock = await acquireLock(long);
  await expect(acquireLock(long)).rejects.toMatchObject({ code: 'locked' });
  await lock.release();
});

it('is not misled by what else lies in its folder', async () => {
  await mkdir(join(directory, 'lock'));
  await writeFile(join(directory, 'lock/README'), 'hello');
  const deaf = createServer();
  await new Promise<void>((resolve) => deaf.listen(join(directory, 'lock/1-old'), resolve));
  deaf.close();
  await appendFile(join(directory, 'lock/12'), '');
  const lock = await acquireLock(directory);
  expect(await readdir(join(directory, 'lock'))).toHaveLength(1);
  await lock.release();
});

it('says what is wrong with the directory', async () => {
  await chmod(directory, 0o755);
  await withoutRights(async () => {
    await expect(acquireLock(directory)).rejects.toMatchObject({ code: 'spool', path: directory });
  });
  await expect(acquireLock(join(directory, 'missing/queue'))).rejects.toMatchObject({ code: 'spool' });
  await expect(acquireLock('/dev/null')).rejects.toMatchObject({ code: 'spool' });
});
