/** The program `narkit-hook`, with a queue of its own, as Nix runs it. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpool, type Spool } from '../../src/queue/index.ts';
import { variablesWithoutRights } from '../config/without-rights.ts';
import { narkitHookProgram } from '../programs.ts';

export interface HookResult {
  /** `null` where it was killed. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunHookOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What to run Node by, such as strace with its options. */
  readonly by?: readonly string[];
  /** Kill it after so many milliseconds. */
  readonly killAfterMs?: number;
  /** As the user nobody. */
  readonly withoutRights?: boolean;
}

export interface HookPlace {
  /** Anybody may look into it. */
  readonly directory: string;
  readonly queue: string;
  readonly roots: string;
  /** Write the configuration: lines before, and lines in the table `queue`. */
  configure(root: string, queue?: string): Promise<void>;
  run(options?: RunHookOptions): Promise<HookResult>;
  openSpool(): Promise<Spool>;
  /** The names of all roots. */
  listRoots(): Promise<string[]>;
  remove(): Promise<void>;
}

export const outPaths = ['out', 'doc'].map((output) => `/nix/store/${'0'.repeat(32)}-hooked-${output}`);

/** A place for the hook: a configuration whose queue and roots lie in it, and are made by the first hook that runs. */
export async function createHookPlace(): Promise<HookPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'narkit-hook-'));
  await chmod(directory, 0o755);
  const queue = join(directory, 'queue');
  const roots = join(directory, 'roots');
  const config = join(directory, 'config.toml');
  await mkdir(roots);

  const configure = (root: string, queueLines = ''): Promise<void> => {
    const table = `[queue]\ndirectory = "${queue}"\ngc-roots = "${roots}"\n`;
    return writeFile(config, `to = ["s3://nowhere.invalid"]\n${root}\n${queueLines || table}`);
  };
  await configure('');
  return {
    directory,
    queue,
    roots,
    configure,
    run({ env, by = [], killAfterMs, withoutRights } = {}) {
      const [file, ...args] = [...by, process.execPath, narkitHookProgram];
      const own = { PATH: process.env.PATH, NARKIT_CONFIG: config, OUT_PATHS: outPaths.join(' ') };
      const options = { env: { ...own, ...(withoutRights && variablesWithoutRights()), ...env } };
      return new Promise((resolve) => {
        const child = execFile(file!, args, options, (_, stdout, stderr) =>
          resolve({ exitCode: child.exitCode, signal: child.signalCode, stdout, stderr }),
        );
        if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      });
    },
    openSpool: () => openSpool(queue, { gcRootsDirectory: roots, create: true }),
    listRoots: () => readdir(roots),
    remove: () => rm(directory, { recursive: true }),
  };
}
