/**
 * The settings that the post-build hook needs to queue what was built.
 *
 * The hook runs after every build, so it loads little, and nothing of ES modules, whose loader takes Node longer to start. What it
 * shares with the rest of narkit is in files of CommonJS, such as this.
 *
 * @module
 */
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { parse, TomlError } from 'smol-toml';

/** Where the configuration file lies unless `NARKIT_CONFIG` says otherwise. */
export const defaultConfigFile = '/etc/narkit/config.toml';

/** Where the queue lies unless the file says otherwise. */
export const defaultQueueDirectory = '/var/lib/narkit/queue';

/** What the hook does, and where it writes. */
export interface HookSettings {
  /** Key `mode`: `queue`, the default, leaves the upload to the worker; `direct` uploads before the hook returns. */
  readonly mode: 'queue' | 'direct';
  /**
   * Key `on-failure`: `ignore` says so and lets the build go on, `fail` ends it. `direct`, in mode `queue` alone, uploads at once what
   * the queue could not take.
   */
  readonly onFailure: 'ignore' | 'direct' | 'fail';
  /** Key `directory` of table `queue`. */
  readonly directory: string;
  /**
   * Key `gc-roots` of table `queue`: where roots for the garbage collector go, or `false` for none. `undefined` means below Nix's own
   * state directory.
   */
  readonly gcRoots: string | false | undefined;
}

/** Says what is wrong with the file, and throws. */
export type RefuseFile = (reason: string, cause?: unknown) => never;

/** Read the hook's settings from the file that `NARKIT_CONFIG` names, else {@link defaultConfigFile}. */
export function readHookSettings(env: Readonly<Record<string, string | undefined>>): HookSettings {
  const path = env.NARKIT_CONFIG || defaultConfigFile;
  const refuse: RefuseFile = (reason, cause) => {
    throw new Error(`configuration file '${path}' ${reason}`, { cause });
  };
  return takeHookSettings(parseConfigTable(readConfigFile(path, refuse), refuse), refuse);
}

function readConfigFile(path: string, refuse: RefuseFile): string {
  try {
    // A pipe with this name does not make it wait for the pipe's other end.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return refuse(`cannot be read: ${(error as Error).message}`, error);
  }
}

/** The table that a configuration file is. */
export function parseConfigTable(text: string, refuse: RefuseFile): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library's message quotes the lines around; the file may hold a credential there.
    const reason = error.message.split('\n', 1)[0];
    return refuse(`is not TOML: line ${error.line}, column ${error.column}: ${reason}`);
  }
}

/** The keys that {@link takeHookSettings} takes. */
export const hookKeys = { root: ['mode', 'on-failure'], queue: ['directory', 'gc-roots'] } as const;

/** Take the hook's settings out of the file's table. */
export function takeHookSettings(table: Readonly<Record<string, unknown>>, refuseFile: RefuseFile): HookSettings {
  const refuse = (key: string, wanted: string): never => refuseFile(`has a '${key}' that is not ${wanted}`);
  const { mode = 'queue', 'on-failure': onFailure = 'ignore', queue = {} } = table;
  if (mode !== 'queue' && mode !== 'direct') return refuse('mode', `one of 'queue', 'direct'`);
  if (onFailure !== 'ignore' && onFailure !== 'fail' && (onFailure !== 'direct' || mode === 'direct'))
    return refuse('on-failure', `one of 'ignore', ${mode === 'queue' ? `'direct', ` : ''}'fail'`);
  if (typeof queue !== 'object' || queue === null || Array.isArray(queue) || queue instanceof Date)
    return refuse('queue', `a table: write its keys below a line '[queue]'`);
  const { directory = defaultQueueDirectory, 'gc-roots': gcRoots } = queue as Record<string, unknown>;
  if (typeof directory !== 'string' || !isAbsolute(directory)) return refuse('queue.directory', 'an absolute path');
  if (gcRoots !== undefined && gcRoots !== false && (typeof gcRoots !== 'string' || !isAbsolute(gcRoots)))
    return refuse('queue.gc-roots', 'an absolute path, or false');
  return { mode, onFailure, directory, gcRoots };
}
