/**
 * narkit's own configuration file, TOML.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { messageOf, NarkitError } from '../errors.ts';
import { type TomlTable, takeFrom } from './toml-table.ts';

/** Where the file lies unless `NARKIT_CONFIG` says otherwise. */
export const defaultConfigFile = '/etc/narkit/config.toml';

/** Where the queue lies unless the file says otherwise. */
export const defaultQueueDirectory = '/var/lib/narkit/queue';

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
  /** Key `mode`: `queue`, the default, leaves the upload to the worker; `direct` uploads before the hook returns. */
  readonly mode: 'queue' | 'direct';
  /**
   * Key `on-failure`: `ignore` says so and lets the build go on, `fail` ends it. `direct`, in mode `queue` alone, uploads at once what
   * the queue could not take.
   */
  readonly onFailure: 'ignore' | 'direct' | 'fail';
  /** Key `build-logs`: upload the log of the build, too. Default `false`. */
  readonly buildLogs: boolean;
  /** Table `queue`. */
  readonly queue: QueueConfig;
}

/** What the table `queue` says. */
export interface QueueConfig {
  /** Where what waits is written down. Key `directory`. */
  readonly directory: string;
  /**
   * Where roots for the garbage collector go, or `false` for none. Key `gc-roots`; `undefined` means below Nix's own state directory.
   */
  readonly gcRoots: string | false | undefined;
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

/** Read the file that `NARKIT_CONFIG` names, else {@link defaultConfigFile}. @throws {@link ConfigError} */
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
  return parseNarkitConfig(text, path);
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
  const refuse = (key: string, wanted: string): never => {
    throw new ConfigError(path, `has a '${key}' that is not ${wanted}`);
  };
  const table = takeFrom(parseToml(text, path), refuse);
  const queue = table.takeTable('queue');
  const mode = table.takeChoice('mode', ['queue', 'direct']);
  const config: NarkitConfig = {
    from: table.takeText('from') ?? 'auto',
    to: table.takeList('to'),
    secretKeyFiles: table.takeList('secret-key-files'),
    skipSignedBy: table.takeList('skip-signed-by'),
    mode,
    onFailure: table.takeChoice('on-failure', mode === 'queue' ? ['ignore', 'direct', 'fail'] : ['ignore', 'fail']),
    buildLogs: table.takeBoolean('build-logs') ?? false,
    queue: takeQueueConfig(queue, refuse),
  };
  for (const [place, { untakenKeys, takenKeys }] of [
    ['', table],
    ['queue.', queue],
  ] as const) {
    const [unknown] = untakenKeys();
    if (unknown === undefined) continue;
    const known = takenKeys().map((key) => `'${place}${key}'`);
    throw new ConfigError(path, `has an unknown key '${place}${unknown}': the keys are ${known.join(', ')}`);
  }
  if (config.to.length === 0) throw new ConfigError(path, `names no store to copy to: set 'to = ["…"]'`);
  return config;
}

const daySeconds = 24 * 60 * 60;

function takeQueueConfig(table: TomlTable, refuse: (key: string, wanted: string) => never): QueueConfig {
  const takeSecondsMs = (key: string, fallback: number): number =>
    1000 * table.takeNumber(key, { fallback, minimum: 0, maximum: daySeconds, fractions: true });
  const takeDirectory = (key: string): string | undefined => {
    const directory = table.takeText(key);
    return directory === undefined || isAbsolute(directory) ? directory : refuse(`queue.${key}`, 'an absolute path');
  };

  const config: QueueConfig = {
    directory: takeDirectory('directory') ?? defaultQueueDirectory,
    gcRoots: table.isFalse('gc-roots') ? false : takeDirectory('gc-roots'),
    attempts: table.takeNumber('attempts', { fallback: 10, minimum: 1, maximum: 1000 }),
    retryDelayMs: takeSecondsMs('retry-delay', 5),
    retryDelayMaximumMs: takeSecondsMs('retry-delay-maximum', 900),
    parallelPaths: table.takeNumber('parallel-paths', { fallback: 8, minimum: 1, maximum: 256 }),
    metrics: table.takeText('metrics'),
    shutdownTimeoutMs: takeSecondsMs('shutdown-timeout', 30),
  };
  if (config.metrics !== undefined && !/^(unix:\/.+|(\[[0-9A-Fa-f:.]+\]|[^:/]*):\d{1,5})$/.test(config.metrics))
    refuse('queue.metrics', `'HOST:PORT' or 'unix:/PATH'`);
  if (config.retryDelayMaximumMs < config.retryDelayMs)
    refuse('queue.retry-delay-maximum', `at least as long as 'queue.retry-delay'`);
  return config;
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library's message quotes the lines around; the file may hold a credential there.
    const reason = error.message.split('\n', 1)[0];
    throw new ConfigError(path, `is not TOML: line ${error.line}, column ${error.column}: ${reason}`);
  }
}
