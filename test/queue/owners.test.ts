/** A queue of the worker's user that root writes to, as the hook and a person at the keyboard do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fixtureStore, runNarkit } from '../cli/run-narkit.ts';
import { variablesWithoutRights } from '../config/without-rights.ts';
import { describePeer } from '../peers/peers.ts';

const greet = '/nix/store/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r-greet-1.0';
const nobody = 65534;
const lockModule = new URL('../../dist/queue/lock.js', import.meta.url).href;

describePeer('root', 'a queue of another user', () => {
  let directory: string;
  let queue: string;
  let env: Record<string, string>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-owners-'));
    await chmod(directory, 0o755);
    queue = join(directory, 'queue');
    // As `systemd/narkit.tmpfiles` makes it.
    for (const [path, mode] of [
      [queue, 0o2770],
      [join(directory, 'cache'), 0o755],
    ] as const) {
      await mkdir(path);
      await chown(path, nobody, nobody);
      await chmod(path, mode);
    }
    env = { NARKIT_CONFIG: join(directory, 'config.toml') };
    await writeFile(
      env.NARKIT_CONFIG!,
      `from = "${fixtureStore}"\nto = "file://${directory}/cache"\n[queue]\ndirectory = "${queue}"\ngc-roots = false\n`,
    );
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function asRoot(...args: string[]): Promise<void> {
    expect(await runNarkit(args, { env })).toMatchObject({ exitCode: 0 });
  }

  /** As a command that is killed while it has the lock. */
  async function leaveLock(): Promise<void> {
    const script = `import { acquireLock } from '${lockModule}'; await acquireLock(process.argv[1]); process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, queue], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(await readdir(join(queue, 'lock'))).toHaveLength(1);
  }

  it('is worked on by that user, whatever root did and left there', async () => {
    await asRoot('queue', 'add', greet);
    await asRoot('queue', 'pause');
    await asRoot('queue', 'resume');
    await leaveLock();
    const worker = await runNarkit(['worker', '--once'], { env: { ...env, ...variablesWithoutRights() } });
    expect([worker.exitCode, worker.stderr]).toEqual([0, expect.not.stringMatching(/warning|error/)]);
    expect(await readdir(join(directory, 'cache'))).toContain(`${greet.slice(11, 43)}.narinfo`);
    for (const folder of ['incoming', 'commands', 'lock']) expect(await readdir(join(queue, folder))).toEqual([]);
  });

  it('is steered by root while that user’s worker runs', async () => {
    await asRoot('queue', 'add', greet);
    await asRoot('queue', 'pause');
    const running = runNarkit(['worker'], { env: { ...env, ...variablesWithoutRights() } });
    while ((await readdir(join(queue, 'lock'))).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const [own] = await readdir(join(queue, 'lock'));
    expect((await runNarkit(['queue', 'resume'], { env })).stderr).toBe('the worker did it\n');
    await asRoot('queue', 'wait', '--timeout', '60');
    process.kill(Number.parseInt(own!, 10), 'SIGTERM');
    expect((await running).exitCode).toBe(0);
    expect(await readdir(join(directory, 'cache'))).toContain(`${greet.slice(11, 43)}.narinfo`);
  });
});
