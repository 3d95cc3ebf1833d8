/** The hook and the worker as programs, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { narkitHookProgram as hook, narkitProgram as narkit } from '../../programs.ts';

/** A program that runs. */
export interface Program {
  readonly child: ChildProcess;
  /** Resolves when it has said something. */
  readonly firstLine: Promise<unknown>;
  readonly ended: Promise<{
    readonly exitCode: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly errors: string;
  }>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const firstLine = once(child.stderr!, 'data');
  firstLine.catch(() => {});
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, errors }));
  return { child, firstLine, ended };
}

/** The hook, as after a build of these paths. */
export function startHook(paths: readonly string[], env: Readonly<Record<string, string>>): Program {
  const outPaths = paths.map((path) => `/nix/store/${path}`).join(' ');
  return start([hook], { OUT_PATHS: outPaths, ...env });
}

/** The worker. */
export function startWorker(env: Readonly<Record<string, string>>, ...flags: string[]): Program {
  return start([narkit, 'worker', '--verbose', ...flags], env);
}

/** Variables that make the clock on the wall of a Node tell the time of so many days later, or earlier. */
export function onAnotherDay(days: number): Record<string, string> {
  const source = `const now = Date.now; Date.now = () => now() + ${days * 86_400_000};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}
