/**
 * A real nix-daemon in a place of its own.
 *
 * ```ts
 * const daemon = await startNixDaemon(nix, { settings: { 'post-build-hook': '/path/of/program' } });
 * await daemon.build('derivation { ... }'); // by the daemon
 * await daemon.stop();
 * ```
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createNixPlace, type NixPlace, type NixPlaceOptions, type RunOptions, type RunResult } from './nix-place.ts';
import type { Nix } from './peers.ts';

const startTimeoutMs = 30_000;

export interface NixDaemonOptions extends NixPlaceOptions {
  /** Variables of the daemon, and so of its hook, besides those of the place. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface NixDaemon {
  readonly place: NixPlace;
  readonly socketPath: string;
  /** Run a program that reaches the store through the daemon. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Build an expression in the Nix language; the output paths. */
  build(expression: string, args?: readonly string[]): Promise<string[]>;
  /** What the daemon has said so far. */
  log(): Promise<string>;
  /** End the daemon that listens. Connections that are open go on: each has a process of its own. */
  kill(): Promise<void>;
  /** End the daemon, and remove its place. */
  stop(): Promise<void>;
}

/** Start a daemon, and wait until it listens. Its settings stand in `nix.conf`, as a user's do. */
export async function startNixDaemon(nix: Nix, options: NixDaemonOptions = {}): Promise<NixDaemon> {
  const place = await createNixPlace(nix, options);
  const socketPath = join(place.directory, 'socket');
  const logPath = join(place.directory, 'daemon.log');
  const { NIX_CONFIG: settings = '', ...env } = place.env;
  await writeFile(join(place.directory, 'etc/nix.conf'), settings);
  // Without a state directory, a Nix whose store is `auto` asks the daemon, which is itself: it forks without end.
  await mkdir(place.realStateDir, { recursive: true });
  // Each connection has a process, and two that make the database at once get in each other's way.
  await place.run('nix-store', ['--init']);

  const { file, args } = place.command('nix-daemon', []);
  const daemon = spawn('/bin/sh', ['-c', 'exec "$@" > "$0" 2>&1', logPath, file, ...args], {
    env: { ...env, ...options.env, NIX_DAEMON_SOCKET_PATH: socketPath },
    stdio: 'ignore',
  });
  const ended = once(daemon, 'exit');
  const log = (): Promise<string> => readFile(logPath, 'utf8');

  const kill = async (): Promise<void> => {
    // A SIGTERM between two connections may be lost on it: it goes on to wait for the next.
    daemon.kill('SIGKILL');
    await ended;
  };
  const deadline = Date.now() + startTimeoutMs;
  while (!(await listens(socketPath))) {
    if (daemon.exitCode === null && Date.now() < deadline) {
      await delay(10);
      continue;
    }
    await kill();
    const said = await log();
    await place.remove();
    throw new Error(`nix-daemon ${nix.version} does not listen at ${socketPath}:\n${said}`);
  }

  const throughDaemon = (runOptions: RunOptions = {}): RunOptions => ({
    ...runOptions,
    env: { NIX_REMOTE: 'daemon', NIX_DAEMON_SOCKET_PATH: socketPath, ...runOptions.env },
  });
  return {
    place,
    socketPath,
    run: (program, programArgs, runOptions) => place.run(program, programArgs, throughDaemon(runOptions)),
    async build(expression, buildArgs = []) {
      const command = ['--no-out-link', '--expr', expression, ...buildArgs];
      const { stdout } = await place.run('nix-build', command, throughDaemon());
      return stdout.toString().split('\n').filter(Boolean);
    },
    log,
    kill,
    async stop() {
      await kill();
      await place.remove();
    },
  };
}

/** Does a daemon answer there? */
export function listens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
