/**
 * The settings of the local Nix, from the files and variables that Nix itself reads, in its order.
 *
 * Rules: Nix `src/libstore/globals.cc` (`loadConfFile`), `src/libutil/users.cc`, and the manual's page "nix.conf".
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { AbortOptions } from '../abort.ts';
import { messageOf } from '../errors.ts';
import { defaultStoreDir } from '../store-path.ts';
import { NixConfError, type NixConfLine, parseNixConf } from './nix-conf.ts';

/** Settings by name. Values are handed out one by one and never printed as a whole: some are secrets. */
export interface NixSettings {
  /** Where the store is: `NIX_STORE_DIR`, else `/nix/store`. */
  readonly storeDir: string;
  /** Where the database and the daemon's socket are: `NIX_STATE_DIR`, else `/nix/var/nix`. */
  readonly stateDir: string;
  /** The value of a setting that is one text; `undefined` when nothing sets it. */
  get(name: string): string | undefined;
  /** The words of a setting that is a list: what sets it, else its default, and then what `extra-` adds. */
  list(name: string): readonly string[];
}

/** How {@link readNixSettings} reads. */
export interface ReadNixSettingsOptions extends AbortOptions {
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Takes a line about each file that is there and cannot be read; Nix says nothing. @default nothing */
  readonly onWarning?: (message: string) => void;
}

const defaults: ReadonlyMap<string, readonly string[]> = new Map([
  ['substituters', ['https://cache.nixos.org/']],
  ['trusted-public-keys', ['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=']],
]);

const aliases: ReadonlyMap<string, string> = new Map([
  ['binary-caches', 'substituters'],
  ['binary-cache-public-keys', 'trusted-public-keys'],
  ['trusted-binary-caches', 'trusted-substituters'],
]);

// Nix has no such ceiling: a file that includes itself ends in a crash.
const maximumIncludeDepth = 32;

/**
 * Read the settings as Nix does: `nix.conf` of the system, those of the user, then `NIX_CONFIG`.
 *
 * @throws {@link NixConfError} on a line that Nix refuses, or a file that is included and is not there.
 * @example
 * ```ts
 * const settings = await readNixSettings();
 * const publicKeys = settings.list('trusted-public-keys').map(parsePublicKey);
 * ```
 */
export async function readNixSettings(options: ReadNixSettingsOptions = {}): Promise<NixSettings> {
  const env = options.env ?? process.env;
  const lines: SettingLine[] = [];
  for (const path of nixConfFiles(env)) {
    const text = await readIfThere(path, options);
    if (text !== undefined) lines.push(...(await withIncludes(text, path, options, 0)));
  }
  if (env.NIX_CONFIG !== undefined) lines.push(...(await withIncludes(env.NIX_CONFIG, 'NIX_CONFIG', options, 0)));
  return createSettings(env, lines);
}

/** The files that Nix reads, the first first; a later one wins. */
export function nixConfFiles(env: Readonly<Record<string, string | undefined>>): string[] {
  const system = join(env.NIX_CONF_DIR || '/etc/nix', 'nix.conf');
  const listed = env.NIX_USER_CONF_FILES;
  if (listed !== undefined) return [system, ...listed.split(':').filter(Boolean).reverse()];
  const home = env.HOME || homedir();
  const configHome = env.NIX_CONFIG_HOME ?? join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'nix');
  const xdgDirs = (env.XDG_CONFIG_DIRS ?? '/etc/xdg').split(':').filter(Boolean);
  const configDirs = xdgDirs.map((directory) => join(directory, 'nix'));
  const user = [configHome, ...configDirs].map((directory) => join(directory, 'nix.conf'));
  return [system, ...user.reverse()];
}

type SettingLine = Extract<NixConfLine, { kind: 'setting' }>;

async function withIncludes(
  text: string,
  path: string,
  options: ReadNixSettingsOptions,
  depth: number,
): Promise<SettingLine[]> {
  const settings: SettingLine[] = [];
  for (const line of parseNixConf(text, path)) {
    if (line.kind === 'setting') {
      settings.push(line);
      continue;
    }
    if (depth === maximumIncludeDepth) throw new NixConfError(path, line.line, 'files include one another without end');
    const included = resolve(dirname(path), line.path);
    const includedText = await readIfThere(included, options, () => {
      if (!line.optional) throw new NixConfError(path, line.line, `file '${included}' is not there`);
    });
    if (includedText !== undefined) settings.push(...(await withIncludes(includedText, included, options, depth + 1)));
  }
  return settings;
}

async function readIfThere(
  path: string,
  options: ReadNixSettingsOptions,
  onMissing: () => void = () => undefined,
): Promise<string | undefined> {
  try {
    return await readFile(path, { encoding: 'utf8', signal: options.signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT' || code === 'ENOTDIR') onMissing();
    else options.onWarning?.(`'${path}' is left out: ${messageOf(error)}`);
    return undefined;
  }
}

function createSettings(env: Readonly<Record<string, string | undefined>>, lines: readonly SettingLine[]): NixSettings {
  const values = new Map<string, string>();
  const additions = new Map<string, string>();
  for (const { name, value } of lines) {
    if (name.startsWith('extra-')) {
      const list = canonicalName(name.slice('extra-'.length));
      additions.set(list, `${additions.get(list) ?? ''} ${value}`);
    } else {
      values.set(canonicalName(name), value);
      // What was added before goes too: Nix adds to the value that there is.
      additions.delete(canonicalName(name));
    }
  }
  return {
    storeDir: env.NIX_STORE_DIR || env.NIX_STORE || defaultStoreDir,
    stateDir: env.NIX_STATE_DIR || '/nix/var/nix',
    get: (name) => values.get(canonicalName(name)),
    list(name) {
      const key = canonicalName(name);
      const set = values.has(key) ? words(values.get(key)!) : (defaults.get(key) ?? []);
      return [...set, ...words(additions.get(key) ?? '')];
    },
  };
}

function canonicalName(name: string): string {
  return aliases.get(name) ?? name;
}

function words(value: string): string[] {
  return value.split(' ').filter(Boolean);
}
