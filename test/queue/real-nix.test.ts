/** Reconciling what a real nix-daemon has with a cache, while its garbage collector runs. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runNarkit } from '../cli/run-narkit.ts';
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
});
