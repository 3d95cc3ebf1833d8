/**
 * narkit's own configuration file, TOML.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import { messageOf, NarkitError } from '../errors.ts';

/** Where the file lies unless `NARKIT_CONFIG` says otherwise. */
export const defaultConfigFile = '/etc/narkit/config.toml';

/** What the post-build hook does. */
export interface NarkitConfig {
  /** The store that has what was built. Key `from`, default `auto`. */
  readonly from: string;
  /** Where what was built goes. Key `to`, one store URI or a list of them. */
  readonly to: readonly string[];
  /** Keys to sign with. Key `secret-key-files`. */
  readonly secretKeyFiles: readonly string[];
  /** Names of keys: what one of them signed stays out. Key `skip-signed-by`. */
  readonly skipSignedBy: readonly string[];
  /** Key `mode`: `direct` uploads before the hook returns. */
  readonly mode: 'direct';
  /** Key `on-failure`: `ignore` says so and lets the build go on, `fail` ends it. */
  readonly onFailure: 'ignore' | 'fail';
  /** Key `build-logs`: upload the log of the build, too. Default `false`. */
  readonly buildLogs: boolean;
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
  const table = parseToml(text, path);
  const taken = new Set<string>();
  const take = (key: string): unknown => {
    taken.add(key);
    return table[key];
  };
  const refuse = (key: string, wanted: string): never => {
    throw new ConfigError(path, `has a '${key}' that is not ${wanted}`);
  };

  function takeList(key: string): string[] {
    const value = take(key) ?? [];
    const list = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list) || !list.every((item): item is string => typeof item === 'string' && item !== ''))
      return refuse(key, 'a text or a list of texts');
    return list;
  }

  function takeChoice<Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const value = take(key) ?? choices[0];
    return (
      choices.find((choice) => choice === value) ?? refuse(key, `one of ${choices.map((c) => `'${c}'`).join(', ')}`)
    );
  }

  function takeText(key: string, fallback: string): string {
    const value = take(key) ?? fallback;
    return typeof value === 'string' ? value : refuse(key, 'a text');
  }

  function takeBoolean(key: string): boolean {
    const value = take(key) ?? false;
    return typeof value === 'boolean' ? value : refuse(key, 'true or false');
  }

  const config: NarkitConfig = {
    from: takeText('from', 'auto'),
    to: takeList('to'),
    secretKeyFiles: takeList('secret-key-files'),
    skipSignedBy: takeList('skip-signed-by'),
    mode: takeChoice('mode', ['direct']),
    onFailure: takeChoice('on-failure', ['ignore', 'fail']),
    buildLogs: takeBoolean('build-logs'),
  };
  const unknown = Object.keys(table).find((key) => !taken.has(key));
  if (unknown !== undefined)
    throw new ConfigError(
      path,
      `has an unknown key '${unknown}': the keys are ${[...taken].map((k) => `'${k}'`).join(', ')}`,
    );
  if (config.to.length === 0) throw new ConfigError(path, `names no store to copy to: set 'to = ["…"]'`);
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
