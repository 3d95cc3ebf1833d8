/**
 * The program `narkit`, as a user starts it, in a process of its own.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { narkitProgram } from '../programs.ts';

/** A small store, and what lies in it, without a Nix. */
export const fixtureStore = `tree:${fileURLToPath(new URL('../../fixtures/store', import.meta.url))}`;

export interface NarkitOptions {
  /** Its whole environment, besides `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it reads from its standard input. */
  readonly input?: string | Uint8Array;
  /** The Node to run it by, instead of this one. */
  readonly node?: string;
}

export interface NarkitResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** Start it. */
export function startNarkit(args: readonly string[], options: NarkitOptions = {}): ChildProcess {
  const { env, cwd, node = process.execPath } = options;
  return spawn(node, [narkitProgram, ...args], { env: { PATH: process.env.PATH, ...env }, cwd });
}

/** Run it to its end. */
export async function runNarkit(args: readonly string[], options: NarkitOptions = {}): Promise<NarkitResult> {
  const child = startNarkit(args, options);
  child.stdin!.on('error', () => {}); // it may end without reading all of it
  child.stdin!.end(options.input ?? '');
  const [exitCode, bytes, stderr] = await Promise.all([
    new Promise<number | null>((resolve) => child.once('close', resolve)),
    buffer(child.stdout!),
    text(child.stderr!),
  ]);
  return { exitCode, stdout: bytes.toString(), bytes, stderr };
}
