/**
 * narkit's own configuration file, TOML.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { messageOf, NarkitError } from '../errors.ts';
import { findCredentialFile } from './credential-file.ts';
import {
  defaultConfigFile,
  type HookSettings,
  hookKeys,
  parseConfigTable,
  type RefuseFile,
  takeHookSettings,
} from './hook-settings.cts';
import { takeFrom } from './toml-table.ts';

/** What the hook and the worker do. */
export interface NarkitConfig {
  /** The store that has what was built. Key `from`, default `auto`. */
  readonly from: string;
  /** Where what was built goes. Key `to`, one store URI or a list of them. */
  readonly to: readonly string[];
  /** Keys to sign with. Key `secret-key-files`. */
  readonly secretKeyFiles: readonly string[];
  /** Names of keys: what one of them signed stays out. Key `skip-signed-by`. */
  readonly skipSignedBy: readonly string[];
  /** Key `mode`. */
  readonly mode: HookSettings['mode'];
  /** Key `on-failure`. */
  readonly onFailure: HookSettings['onFailure'];
  /** Key `build-logs`: upload the log of the build, too. Default `false`. */
  readonly buildLogs: boolean;
  /** Table `queue`. */
  readonly queue: QueueConfig;
}

/** What the table `queue` says. */
export interface QueueConfig {
  /** Where what waits is written down. Key `directory`. */
  readonly directory: string;
  /** Where roots for the garbage collector go. Key `gc-roots`. */
  readonly gcRoots: HookSettings['gcRoots'];
  /** How often a path is tried before it is parked. Key `attempts`. */
  readonly attempts: number;
  /** The longest wait before the second attempt. Key `retry-delay`, in seconds. */
  readonly retryDelayMs: number;
  /** The longest wait before any attempt. Key `retry-delay-maximum`, in seconds. */
  readonly retryDelayMaximumMs: number;
  /** How many paths go to one destination at the same time. Key `parallel-paths`. */
  readonly parallelPaths: number;
  /** Where the worker tells its metrics: `HOST:PORT` or `unix:PATH`. Key `metrics`; nowhere when absent. */
  readonly metrics: string | undefined;
  /** How long a worker that is told to stop goes on with what it has begun. Key `shutdown-timeout`, in seconds. */
  readonly shutdownTimeoutMs: number;
}

/** A configuration file that cannot be used. */
export class ConfigError extends NarkitError {
  /** The file. */
  readonly path: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super('config', `configuration file '${path}' ${reason}`, options);
    this.path = path;
  }
}

/**
 * Read the file that `NARKIT_CONFIG` names, else {@link defaultConfigFile}. In a service of systemd, a key file for which there is a
 * credential of the same name is that credential.
 *
 * @throws {@link ConfigError}
 */
export async function readNarkitConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<NarkitConfig> {
  const path = env.NARKIT_CONFIG || defaultConfigFile;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(path, `cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const config = parseNarkitConfig(text, path);
  const secretKeyFiles = await Promise.all(config.secretKeyFiles.map((file) => findCredentialFile(file, env)));
  return { ...config, secretKeyFiles };
}

/**
 * Parse the text of a configuration file.
 *
 * @throws {@link ConfigError} with the key, or the line, that is wrong: a mistyped key must not pass for an absent one.
 * @example
 * ```ts
 * import { parseNarkitConfig } from 'narkit/config';
 *
 * const config = parseNarkitConfig('to = ["s3://my-cache?region=eu-west-1"]', 'config.toml');
 * if (config.onFailure !== 'ignore') throw new Error('unexpected');
 * ```
 */
export function parseNarkitConfig(text: string, path: string): NarkitConfig {
  const refuseFile: RefuseFile = (reason) => {
    throw new ConfigError(path, reason);
  };
  const root = parseConfigTable(text, refuseFile);
  const hook = takeHookSettings(root, refuseFile);
  const table = takeFrom(root, refuseFile, [...hookKeys.root, 'queue']);
  const config: NarkitConfig = {
    from: table.takeText('from') ?? 'auto',
    to: table.takeList('to'),
    secretKeyFiles: table.takeList('secret-key-files'),
    skipSignedBy: table.takeList('skip-signed-by'),
    mode: hook.mode,
    onFailure: hook.onFailure,
    buildLogs: table.takeBoolean('build-logs') ?? false,
    queue: { directory: hook.directory, gcRoots: hook.gcRoots, ...takeWorkerSettings(root.queue, refuseFile) },
  };
  table.refuseRest();
  if (config.to.length === 0) return refuseFile(`names no store to copy to: set 'to = ["…"]'`);
  return config;
}

const daySeconds = 24 * 60 * 60;
/** Without a pause, a destination that is away would be asked as often as there is time. */
const shortestRetryDelaySeconds = 0.01;

function takeWorkerSettings(queue: unknown, refuseFile: RefuseFile): Omit<QueueConfig, 'directory' | 'gcRoots'> {
  const table = takeFrom((queue ?? {}) as Record<string, unknown>, refuseFile, hookKeys.queue, 'queue.');
  const takeSecondsMs = (key: string, fallback: number, minimum = 0): number =>
    1000 * table.takeNumber(key, { fallback, minimum, maximum: daySeconds, fractions: true });

  const settings = {
    attempts: table.takeNumber('attempts', { fallback: 10, minimum: 1, maximum: 1000 }),
    retryDelayMs: takeSecondsMs('retry-delay', 5, shortestRetryDelaySeconds),
    retryDelayMaximumMs: takeSecondsMs('retry-delay-maximum', 900),
    parallelPaths: table.takeNumber('parallel-paths', { fallback: 8, minimum: 1, maximum: 256 }),
    metrics: table.takeText('metrics'),
    shutdownTimeoutMs: takeSecondsMs('shutdown-timeout', 30),
  };
  table.refuseRest();
  if (settings.metrics !== undefined && !/^(unix:\/.+|(\[[0-9A-Fa-f:.]+\]|[^:/]*):\d{1,5})$/.test(settings.metrics))
    refuseFile(`has a 'queue.metrics' that is not 'HOST:PORT' or 'unix:/PATH'`);
  if (settings.retryDelayMaximumMs < settings.retryDelayMs)
    refuseFile(`has a 'queue.retry-delay-maximum' that is shorter than 'queue.retry-delay'`);
  return settings;
}
