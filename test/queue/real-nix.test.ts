/** Reconciling what a real nix-daemon has with a cache, while its garbage collector runs. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runNarkit, startNarkit } from '../cli/run-narkit.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';

const expression = `
let
  build = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  };
  leaf = build "leaf" "echo leaf > $out";
in build "top" "echo \${leaf} > $out"
`;

describePeer('nix-2.34', 'what nix-daemon has', () => {
  let directory: string;
  let daemon: NixDaemon;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-queue-nix-'));
    daemon = await startNixDaemon(nix('2.34')!);
    const lines = [
      `from = "unix://${daemon.socketPath}"`,
      `to = "file://${directory}/cache"`,
      '[queue]',
      `directory = "${directory}/queue"`,
    ];
    await writeFile(join(directory, 'config.toml'), `${lines.join('\n')}\n`);
  });
  afterAll(async () => {
    await daemon?.stop();
    await rm(directory, { recursive: true });
  });

  const narkit = (...args: string[]) =>
    runNarkit(args, { env: { ...daemon.place.env, NARKIT_CONFIG: join(directory, 'config.toml') } });
  const validPaths = async () => {
    const { stdout } = await daemon.place.run('nix-store', ['--dump-db']);
    return String(stdout)
      .split('\n')
      .filter(
        (line, index, lines) => line.startsWith(daemon.place.storeDir) && /^[0-9a-f]{64}$/.test(lines[index + 1]!),
      );
  };

  test('is queued, held against the garbage collector, and uploaded', async () => {
    await daemon.build(expression, ['--no-out-link']);
    const valid = await validPaths();
    expect(valid.length).toBeGreaterThanOrEqual(4);
    expect(await narkit('queue', 'reconcile')).toMatchObject({
      exitCode: 0,
      stderr: `${valid.length} valid paths: 0 present or queued, ${valid.length} queued\n`,
    });
    await daemon.place.run('nix-store', ['--gc']);
    expect((await validPaths()).sort()).toEqual(valid.toSorted());

    expect((await narkit('worker', '--once')).exitCode).toBe(0);
    expect(await narkit('queue', 'wait', ...valid)).toMatchObject({ exitCode: 0, stderr: '' });
    const cache = `file://${directory}/cache`;
    await daemon.place.run('nix', ['path-info', '--store', cache, ...valid]);

    const [narInfo] = (await readdir(join(directory, 'cache'))).filter((name) => name.endsWith('.narinfo'));
    await rm(join(directory, 'cache', narInfo!));
    const again = await narkit('queue', 'reconcile', '--dry-run');
    expect(again.stdout).toContain(narInfo!.replace('.narinfo', ''));
    expect(again.stderr).toMatch(/, 1 to be queued\n$/);

    await daemon.place.run('nix-store', ['--gc']);
    expect(await validPaths()).toEqual([]);
  });

  test('is waited for when the worker starts before the daemon', async () => {
    const [path] = await daemon.build(
      'derivation { name = "late"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo late > $out" ]; }',
    );
    expect(await narkit('queue', 'add', path!)).toMatchObject({ exitCode: 0 });
    const config = join(directory, 'late.toml');
    const text = await readFile(join(directory, 'config.toml'), 'utf8');
    await writeFile(config, `${text.replace(daemon.socketPath, join(directory, 'socket'))}retry-delay = 0.1\n`);
    const env = { ...daemon.place.env, NARKIT_CONFIG: config };

    const stopped = startNarkit(['worker'], { env });
    await untilSaid(stopped, 'it is tried again');
    stopped.kill('SIGTERM');
    expect(await once(stopped, 'exit')).toEqual([0, null]);

    const worker = startNarkit(['worker'], { env });
    try {
      await untilSaid(worker, 'it is tried again');
      await symlink(daemon.socketPath, join(directory, 'socket'));
      expect(await narkit('queue', 'wait', '--timeout', '60', path!)).toMatchObject({ exitCode: 0 });
    } finally {
      worker.kill('SIGKILL');
    }
  });
});

async function untilSaid(child: ChildProcess, words: string): Promise<void> {
  let said = '';
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (said.includes(words)) break;
  }
  expect(said).toContain(words);
  child.stderr!.resume();
}
