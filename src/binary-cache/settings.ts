/**
 * The settings of a binary cache, by Nix's names for them (`nix help-stores`, "Settings" of each binary cache store).
 *
 * @module
 */

import type { CompressionName } from '../compression/codec.ts';
import { parseCompressionName } from '../compression/compression-name.ts';
import { messageOf, NarkitError } from '../errors.ts';

/** What a binary cache store can be told, here or in its URI. */
export interface BinaryCacheSettings {
  /** The store directory of the paths in the cache. Default `/nix/store`. */
  readonly storeDir?: string | undefined;
  /** How NARs are compressed. Default: as they are in the cache that they are copied from, else `zstd`. */
  readonly compression?: CompressionName | undefined;
  /** The codec's own scale, for what is compressed here. Default: the codec's. */
  readonly compressionLevel?: number | undefined;
  /** Write `<hash part>.ls` files. Default `false`. */
  readonly writeNarListing?: boolean | undefined;
  /** Write `debuginfo/<build id>.debug` files. Default `false`. */
  readonly indexDebugInfo?: boolean | undefined;
  /** Compress narinfo files for transport (`Content-Encoding`). Default: no. */
  readonly narinfoCompression?: CompressionName | undefined;
  /** Compress `.ls` files for transport. Default: no. */
  readonly lsCompression?: CompressionName | undefined;
  /** Compress build logs for transport. Default: no. */
  readonly logCompression?: CompressionName | undefined;
  /** What `nix-cache-info` says when this store creates it: lower is preferred. */
  readonly priority?: number | undefined;
  /** What `nix-cache-info` says when this store creates it. */
  readonly wantMassQuery?: boolean | undefined;
}

/** Settings as a URI has them, and what the URI says that is for somebody else. */
export interface ParsedBinaryCacheSettings {
  readonly settings: BinaryCacheSettings;
  /** Files of `secret-key` and `secret-keys`, to be read where there is a file system. */
  readonly secretKeyFiles: readonly string[];
  /** Parameters that are none of these settings: the backend's own, or mistyped. */
  readonly rest: ReadonlyMap<string, string>;
}

/** Settings of Nix's own that change nothing here: they tune its caches and its scheduler. */
const withoutEffect = new Set([
  'path-info-cache-size',
  'trusted',
  'system-features',
  'parallel-compression',
  'local-nar-cache',
]);

/**
 * Take the settings of a binary cache out of the parameters of a store URI.
 *
 * @throws {@link NarkitError} `setting` with the setting's name when a value is none.
 * @example
 * ```ts
 * import { parseBinaryCacheSettings } from 'narkit/binary-cache';
 *
 * const { settings } = parseBinaryCacheSettings(new Map([['compression', 'xz'], ['write-nar-listing', 'true']]));
 * if (settings.compression !== 'xz' || settings.writeNarListing !== true) throw new Error('unexpected');
 * ```
 */
export function parseBinaryCacheSettings(parameters: ReadonlyMap<string, string>): ParsedBinaryCacheSettings {
  const settings: { -readonly [Name in keyof BinaryCacheSettings]: BinaryCacheSettings[Name] } = {};
  const secretKeyFiles: string[] = [];
  const rest = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (name === 'store') settings.storeDir = parseStoreDir(value);
    else if (name === 'compression') settings.compression = parseCompression(name, value);
    else if (name === 'compression-level') settings.compressionLevel = parseInteger(name, value);
    else if (name === 'write-nar-listing') settings.writeNarListing = parseBoolean(name, value);
    else if (name === 'index-debug-info') settings.indexDebugInfo = parseBoolean(name, value);
    else if (name === 'narinfo-compression') settings.narinfoCompression = parseTransportCompression(name, value);
    else if (name === 'ls-compression') settings.lsCompression = parseTransportCompression(name, value);
    else if (name === 'log-compression') settings.logCompression = parseTransportCompression(name, value);
    else if (name === 'priority') settings.priority = parseInteger(name, value);
    else if (name === 'want-mass-query') settings.wantMassQuery = parseBoolean(name, value);
    else if (name === 'secret-key' && value !== '') secretKeyFiles.push(value);
    else if (name === 'secret-keys') secretKeyFiles.push(...value.split(',').filter((file) => file !== ''));
    else if (!withoutEffect.has(name)) rest.set(name, value);
  }
  return { settings, secretKeyFiles, rest };
}

function parseStoreDir(value: string): string {
  if (value.startsWith('/')) return value.replace(/(?<=.)\/+$/, '');
  throw settingError('store', value, 'an absolute directory');
}

function parseCompression(name: string, value: string): CompressionName {
  try {
    return parseCompressionName(value === '' ? 'none' : value);
  } catch (error) {
    throw new NarkitError('setting', `the setting '${name}' cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** For transport an empty value means: as it is. */
function parseTransportCompression(name: string, value: string): CompressionName | undefined {
  const compression = parseCompression(name, value);
  return compression === 'none' ? undefined : compression;
}

function parseInteger(name: string, value: string): number {
  if (/^-?[0-9]{1,9}$/.test(value)) return Number(value);
  throw settingError(name, value, 'a whole number');
}

/** Nix takes exactly these words (`src/libutil/configuration.cc`). */
function parseBoolean(name: string, value: string): boolean {
  if (['true', 'yes', '1'].includes(value)) return true;
  if (['false', 'no', '0'].includes(value)) return false;
  throw settingError(name, value, `'true' or 'false'`);
}

function settingError(name: string, value: string, wanted: string): NarkitError {
  return new NarkitError('setting', `the setting '${name}' has the value '${value}', but it takes ${wanted}`);
}
