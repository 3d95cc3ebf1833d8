/**
 * A worker in a process of its own that is ended at random moments, and started again.
 *
 * ```ts
 * await runWithKills({ configFile, env, kills: 200, longestMs: 2000, beforeEach: async () => { await spool.addRecord(…) } });
 * ```
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('worker-program.mjs', import.meta.url));

/** What it said in its last line. */
export interface WorkerReport {
  readonly uploaded: number;
  readonly parked: number;
  readonly waiting: number;
  readonly maximumKilobytes: number;
}

/** A worker that runs. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  /** Each line of its standard output. */
  readonly lines: readonly Record<string, unknown>[];
  /** Its exit code, or the signal that ended it; with what it said on standard error. */
  readonly ended: Promise<{ readonly exit: number | string; readonly errors: string }>;
}

/** Start a worker on a configuration file. Runs what is in `dist`. */
export function startWorkerProcess(
  configFile: string,
  env: Readonly<Record<string, string | undefined>> = {},
  mode: 'once' | 'stay' = 'stay',
): WorkerProcess {
  const child = spawn(process.execPath, [program, configFile, mode], {
    env: { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ exit: code ?? signal, errors }));
  return { child, lines, ended };
}

/** Run until nothing waits. */
async function drainInProcess(
  configFile: string,
  env?: Readonly<Record<string, string | undefined>>,
): Promise<WorkerReport> {
  const { ended, lines } = startWorkerProcess(configFile, env, 'once');
  const { exit, errors } = await ended;
  const last = lines.at(-1);
  if (exit !== 0 || last?.type !== 'result') throw new Error(`the worker ended with ${exit}: ${errors}`);
  return last as unknown as WorkerReport;
}

/** How often, and when. */
export interface KillOptions {
  readonly configFile: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly kills: number;
  /** The longest that a worker lives once it has started. */
  readonly longestMs: number;
  /** Default: SIGKILL mostly, SIGTERM now and then. */
  readonly signal?: NodeJS.Signals;
  /** Before each start: queue something. */
  readonly beforeEach: (round: number) => Promise<void>;
}

/**
 * Start a worker, end it, again and again; then let one run to the end.
 *
 * @returns what the last one reported.
 */
export async function runWithKills(options: KillOptions): Promise<WorkerReport> {
  for (let round = 0; round < options.kills; round++) {
    await options.beforeEach(round);
    const { child, ended, lines } = startWorkerProcess(options.configFile, options.env);
    // One in four is ended while it starts.
    if (Math.random() > 0.25) while (lines.length === 0 && child.exitCode === null) await setTimeout(5);
    await setTimeout(Math.random() * options.longestMs);
    const signal = options.signal ?? (Math.random() < 0.75 ? 'SIGKILL' : 'SIGTERM');
    child.kill(signal);
    const { exit, errors } = await ended;
    if (exit !== signal && exit !== 0) throw new Error(`the worker ended with ${exit}: ${errors}`);
  }
  return drainInProcess(options.configFile, options.env);
}
