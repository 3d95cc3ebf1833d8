/**
 * The program `narkit`, as a user starts it.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { narkitProgram } from '../programs.ts';

/** What it said, and how it ended. */
export interface NarkitResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningNarkit {
  readonly process: ChildProcess;
  readonly result: Promise<NarkitResult>;
}

/** A line of `narkit copy --json`. */
export interface OutcomeLine {
  readonly path: string;
  readonly outcome: 'copied' | 'present' | 'skipped' | 'failed';
  readonly narHash?: string;
  readonly narSize?: number;
  readonly url?: string;
  readonly fileHash?: string;
  readonly fileSize?: number;
  readonly error?: string;
}

/** Start it with nothing of the host's environment but `PATH` and what is given. */
export function startNarkit(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningNarkit {
  const child = spawn(process.execPath, [narkitProgram, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const result = Promise.all([ended, text(child.stdout), text(child.stderr)]).then(([exitCode, stdout, stderr]) => ({
    exitCode,
    stdout,
    stderr,
  }));
  return { process: child, result };
}

/** Run it to its end. */
export function runNarkit(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<NarkitResult> {
  return startNarkit(args, env).result;
}

/** The lines of `--json`. */
export function parseOutcomes({ stdout }: NarkitResult): OutcomeLine[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as OutcomeLine);
}
