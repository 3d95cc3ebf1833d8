/**
 * A place of its own for a real Nix: store, database, logs, settings, home and caches in one folder.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Nix } from './peers.ts';

export interface NixPlaceOptions {
  /**
   * `true`: the store directory is `/nix/store`, seen so by this Nix alone, in a mount namespace that binds `DIRECTORY/nix`
   * to `/nix` (needs root). On disk, and to `local?root=DIRECTORY`, the paths lie in `DIRECTORY/nix/store`.
   *
   * `false`, the default: the store directory is `DIRECTORY/store`.
   */
  readonly atNixStore?: boolean;
  /** Where everything lies, perhaps from an earlier time. @default a new temporary folder */
  readonly directory?: string;
  /** More lines of nix.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** What the program reads from its standard input. */
  readonly input?: string | Uint8Array;
  /** Variables besides those of the place. */
  readonly env?: Readonly<Record<string, string>>;
  /** Resolve on an exit code other than 0 too. */
  readonly mayFail?: boolean;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface NixPlace {
  readonly nix: Nix;
  /** Where everything lies; short, so that a socket's path in it fits. */
  readonly directory: string;
  /** The store directory in this Nix's eyes. */
  readonly storeDir: string;
  /** Where the store directory lies on disk: the same but for `atNixStore`. */
  readonly realStoreDir: string;
  /** Where the database lies on disk (`STATE/db/db.sqlite`). */
  readonly realStateDir: string;
  /** The whole environment of this Nix: nothing of the host's but PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** What to spawn, with {@link env}, to run a program (`nix`, `nix-daemon`, …, or an absolute path) in this place. */
  command(program: string, args: readonly string[]): { file: string; args: string[] };
  /** Run a program to its end. Rejects, with what it said, when it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Build an expression in the Nix language with `nix-build`; the output paths. */
  build(expression: string, args?: readonly string[]): Promise<string[]>;
  /** Remove the folder, read-only store paths and all. */
  remove(): Promise<void>;
}

/**
 * Make a place for a Nix. Builds work as any user, without a sandbox, build users or a network; `builder = "/bin/sh"` needs
 * no nixpkgs.
 */
export async function createNixPlace(nix: Nix, options: NixPlaceOptions = {}): Promise<NixPlace> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), `narkit-nix-${nix.version}-`)));
  const home = join(directory, 'home');
  const atNixStore = options.atNixStore ?? false;
  await Promise.all(
    [home, join(directory, 'etc'), join(directory, 'nix')].map((path) => mkdir(path, { recursive: true })),
  );
  if (atNixStore) await mkdir('/nix', { recursive: true });

  const env: Record<string, string> = {
    PATH: `${nix.bin}:${process.env.PATH ?? ''}`,
    LC_ALL: 'C.UTF-8',
    HOME: home,
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_STATE_HOME: join(home, '.local/state'),
    NIX_CONF_DIR: join(directory, 'etc'),
    // Nix 2.8 starts `nix/build-remote` in here before each build, to learn that there is no other machine to build on.
    NIX_LIBEXEC_DIR: join(dirname(nix.bin), 'libexec'),
    NIX_CONFIG: formatSettings({
      'experimental-features': 'nix-command',
      sandbox: 'false',
      'build-users-group': '',
      substituters: '',
      builders: '',
      'fsync-metadata': 'false',
      ...options.settings,
    }),
  };
  if (!atNixStore) {
    env.NIX_STORE_DIR = join(directory, 'store');
    env.NIX_STATE_DIR = join(directory, 'var/nix');
    env.NIX_LOG_DIR = join(directory, 'var/log/nix');
  }

  const place: NixPlace = {
    nix,
    directory,
    storeDir: atNixStore ? '/nix/store' : join(directory, 'store'),
    realStoreDir: join(directory, atNixStore ? 'nix/store' : 'store'),
    realStateDir: join(directory, atNixStore ? 'nix/var/nix' : 'var/nix'),
    env,
    command(program, args) {
      const path = program.startsWith('/') ? program : join(nix.bin, program);
      if (!atNixStore) return { file: path, args: [...args] };
      const bind = 'mount --bind "$0" /nix && exec "$@"';
      return { file: 'unshare', args: ['--mount', 'sh', '-c', bind, join(directory, 'nix'), path, ...args] };
    },
    run(program, args, runOptions = {}) {
      const { file, args: fileArgs } = place.command(program, args);
      return run(file, fileArgs, { ...runOptions, env: { ...env, ...runOptions.env } }, `${program} ${args.join(' ')}`);
    },
    async build(expression, args = []) {
      const { stdout } = await place.run('nix-build', ['--no-out-link', '--expr', expression, ...args]);
      return stdout.toString().split('\n').filter(Boolean);
    },
    async remove() {
      if (process.getuid?.() !== 0) await makeWritable(directory);
      await rm(directory, { recursive: true, force: true });
    },
  };
  return place;
}

function formatSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function run(file: string, args: string[], options: RunOptions, title: string): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const settings = { env: { ...options.env }, encoding: 'buffer', maxBuffer: 2 ** 30 } as const;
    const child = execFile(file, args, settings, (error, stdout, stderrBytes) => {
      const stderr = stderrBytes.toString();
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === 'number' && (exitCode === 0 || options.mayFail === true)) {
        resolve({ exitCode, stdout, stderr });
      } else reject(new Error(`${title}: ${exitCode ?? error?.signal}\n${stderr}`, { cause: error }));
    });
    child.stdin?.on('error', () => {}); // a program may end without reading all of it
    child.stdin?.end(options.input ?? '');
  });
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}
