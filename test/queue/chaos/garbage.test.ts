/** A real Nix collects its garbage while what its hook queued waits; then the worker uploads it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { startNixDaemon } from '../../peers/nix-daemon.ts';
import { describePeer, nix } from '../../peers/peers.ts';
import { narkitHookProgram as hook, narkitProgram as narkit } from '../../programs.ts';

/** Five derivations, each of which refers to the one before it. */
const chain = `
  let
    make = previous: index: derivation {
      name = "kept-\${toString index}"; system = builtins.currentSystem; builder = "/bin/sh";
      args = [ "-c" "echo \${previous} > $out" ];
    };
  in builtins.foldl' make "nothing" [ 1 2 3 4 5 ]
`;

describePeer(['nix-2.34', 'root'], 'nix-collect-garbage', () => {
  it('takes nothing that waits for the worker, and all of it afterwards', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'narkit-garbage-'));
    const env = { NARKIT_CONFIG: join(directory, 'config.toml') };
    const cache = join(directory, 'cache');
    await writeFile(env.NARKIT_CONFIG, `to = "file://${cache}"\n[queue]\ndirectory = "${directory}/queue"\n`);
    const settings = { 'post-build-hook': hook };
    const daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true, settings, env });
    try {
      const { place, socketPath } = daemon;
      const { stdout } = await daemon.run('nix-build', ['--no-out-link', '--expr', chain]);
      const top = join(place.realStoreDir, basename(stdout.toString().trim()));
      await place.run('nix-collect-garbage', []);
      expect(existsSync(top)).toBe(true);

      const { file, args } = place.command(process.execPath, [narkit, 'worker', '--once']);
      const { NIX_CONFIG: _, ...placeEnv } = place.env;
      const worker = spawn(file, args, {
        env: { ...placeEnv, NIX_DAEMON_SOCKET_PATH: socketPath, ...env },
        stdio: 'ignore',
      });
      expect(await once(worker, 'exit')).toEqual([0, null]);
      expect((await readdir(cache)).filter((name) => name.endsWith('.narinfo'))).toHaveLength(5);
      expect(await readdir(join(place.realStateDir, 'gcroots/narkit'))).toEqual([]);
      await place.run('nix-collect-garbage', []);
      expect(existsSync(top)).toBe(false);
    } finally {
      await daemon.stop();
      await rm(directory, { recursive: true });
    }
  });
});
