/**
 * A machine with a Nix, on which narkit and `nix` do the same: each run is of a program of its own, to an end of its own.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NixDaemon, startNixDaemon } from '../../test/peers/nix-daemon.ts';
import type { Nix } from '../../test/peers/peers.ts';
import { runProcess } from '../run-process.ts';
import { median } from '../statistics.ts';
import { type Cost, runNarkit } from './run-narkit.ts';

const lookEveryMs = 5;

/** What a run writes to: a folder that is empty before and gone afterwards. */
export type Command = (directory: string) => string[];

export interface Machine {
  readonly daemon: NixDaemon;
  /** `narkit` with these arguments, so many times: the time in the middle, the most memory, the longest standstill. */
  narkit(rounds: number, command: Command): Promise<Cost>;
  /** `nix` with these arguments. It remembers nothing of caches from run to run. */
  peer(rounds: number, command: Command): Promise<Omit<Cost, 'longestStallMs'>>;
  close(): Promise<void>;
}

export async function openMachine(nix: Nix): Promise<Machine> {
  const daemon = await startNixDaemon(nix, { settings: { 'require-sigs': 'false' } });
  const { place, socketPath } = daemon;
  const directory = await mkdtemp(join(tmpdir(), 'narkit-growth-'));

  async function repeat<Measured extends { milliseconds: number; peakBytes: number }>(
    rounds: number,
    run: (directory: string) => Promise<Measured>,
  ): Promise<Measured> {
    const runs: Measured[] = [];
    for (let round = 0; round < rounds; round++) {
      const own = join(directory, 'run');
      await mkdir(own);
      // No run waits for what another left to be written.
      await promisify(execFile)('sync');
      runs.push(await run(own).finally(() => rm(own, { recursive: true, force: true })));
    }
    const milliseconds = median(runs.map((measured) => measured.milliseconds));
    return { ...runs[0]!, milliseconds, peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)) };
  }

  return {
    daemon,
    narkit: (rounds, command) =>
      repeat(rounds, (own) => runNarkit(command(own), { ...place.env, NIX_DAEMON_SOCKET_PATH: socketPath })),
    peer: (rounds, command) =>
      repeat(rounds, async (own) => {
        const env = { ...place.env, XDG_CACHE_HOME: join(own, 'cache') };
        const options = { logFile: join(directory, 'said'), memoryEveryMs: lookEveryMs };
        const { milliseconds, peakBytes = Number.NaN } = await runProcess(
          { ...place.command('nix', command(own)), env },
          options,
        );
        return { milliseconds, peakBytes };
      }),
    async close() {
      await daemon.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
