/**
 * One process from its start to its end: how long, and how much memory.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Command } from './row.ts';

export interface Measurement {
  readonly milliseconds: number;
  /** The most memory that it had at once, where that was asked for and Linux tells it. */
  readonly peakBytes?: number | undefined;
}

export interface RunProcessOptions {
  /** What the process says is kept there, for the error that says that it failed. */
  readonly logFile: string;
  /** Look at its memory so often. Each look takes time from the machine. @default never */
  readonly memoryEveryMs?: number | undefined;
}

/** Run it to its end. Rejects when its exit code is not 0, with what it said. */
export async function runProcess(command: Command, options: RunProcessOptions): Promise<Measurement> {
  const log = openSync(options.logFile, 'w');
  let watch: NodeJS.Timeout | undefined;
  let peakBytes: number | undefined;
  try {
    const startedMs = performance.now();
    const child = spawn(command.file, [...command.args], { env: command.env, stdio: ['ignore', log, log] });
    if (options.memoryEveryMs !== undefined)
      watch = setInterval(() => (peakBytes = readPeakBytes(child.pid) ?? peakBytes), options.memoryEveryMs);
    const exitCode = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    const milliseconds = performance.now() - startedMs;
    if (exitCode !== 0) {
      const said = readFileSync(options.logFile, 'utf8').slice(-4000);
      throw new Error(`${command.file} ${command.args.join(' ')}: exit code ${exitCode}\n${said}`);
    }
    return { milliseconds, peakBytes };
  } finally {
    clearInterval(watch);
    closeSync(log);
  }
}

/** The high-water mark of a process: what it had between two looks counts, too. `getrusage` would count this process's own memory. */
function readPeakBytes(processId: number | undefined): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${processId}/status`, 'latin1'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
