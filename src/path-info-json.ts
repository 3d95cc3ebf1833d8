/**
 * Path infos as JSON: what `nix path-info --json` prints.
 *
 * | format | `nix path-info` that prints it | paths | `ca` | `signatures` |
 * |---|---|---|---|---|
 * | list | until 2.18 (parsed only) | full | text | texts |
 * | 1 | 2.19 and later; the default | full | text | texts |
 * | 2 | 2.34 and later | base names | object | texts |
 * | 3 | 2.35 and later (parsed only) | base names | object | objects |
 *
 * Rules: Nix `src/libstore/path-info.cc`, `src/libstore/nar-info.cc`, `src/nix/path-info.cc`, and the manual's page "Store
 * object info JSON format".
 *
 * @module
 */
import { type ContentAddress, formatContentAddress, parseContentAddress } from './content-address.ts';
import { messageOf, NarkitError } from './errors.ts';
import { formatHash, type Hash, parseHash } from './hash/hash.ts';
import type { NarInfo } from './narinfo/narinfo.ts';
import type { PathInfo } from './path-info.ts';
import { mergeSignatures } from './signature.ts';
import {
  defaultStoreDir,
  formatStorePath,
  parseStorePath,
  parseStorePathBaseName,
  type StorePath,
} from './store-path.ts';

/** The formats that are written. */
export type PathInfoJsonFormat = 1 | 2;

/** A path info, and where it comes from a binary cache what only that knows. */
export type PathInfoRecord = PathInfo & Partial<Omit<NarInfo, keyof PathInfo>>;

/** Sums over the closure that `--closure-size` adds. */
export interface ClosureSizes {
  /** Bytes of all NARs. */
  readonly closureSize?: number;
  /** Bytes of all files of a binary cache. */
  readonly closureDownloadSize?: number;
}

/** How path infos are written. */
export interface PathInfoJsonOptions {
  /** @default 1 */
  readonly format?: PathInfoJsonFormat;
  /** @default '/nix/store' */
  readonly storeDir?: string;
}

/** A JSON text that should have been path infos and is not. */
export class PathInfoJsonError extends NarkitError {
  constructor(reason: string, options?: ErrorOptions) {
    super('path-info-json', `not the JSON of path infos: ${reason}`, options);
  }
}

/**
 * One path info as the object that Nix makes of it, keys in Nix's order. `impure: false` leaves out what does not follow
 * from the content.
 */
export function pathInfoToJson(
  info: PathInfoRecord & ClosureSizes,
  options: PathInfoJsonOptions & { readonly impure?: boolean } = {},
): Record<string, unknown> {
  const { format = 1, storeDir = defaultStoreDir, impure = true } = options;
  const formatPath = (path: StorePath): string => (format === 1 ? formatStorePath(path, storeDir) : path);
  const fields: Record<string, unknown> = {
    ca: info.contentAddress === undefined ? null : contentAddressToJson(info.contentAddress, format),
    narHash: formatHash(info.narHash, 'sri'),
    narSize: info.narSize,
    references: [...new Set(info.references)].sort().map(formatPath),
    storeDir,
    version: format,
    ...(info.closureSize !== undefined && { closureSize: info.closureSize }),
    ...(info.closureDownloadSize !== undefined && { closureDownloadSize: info.closureDownloadSize }),
  };
  if (impure) {
    fields.deriver = info.deriver === undefined ? null : formatPath(info.deriver);
    fields.registrationTime = info.registrationTime || null;
    fields.signatures = mergeSignatures(info.signatures);
    fields.ultimate = info.ultimate ?? false;
    if (info.url) fields.url = info.url;
    if (info.compression) fields.compression = info.compression;
    if (info.fileHash) fields.downloadHash = formatHash(info.fileHash, 'sri');
    if (info.fileSize) fields.downloadSize = info.fileSize;
  }
  return Object.fromEntries(Object.entries(fields).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * The JSON text that `nix path-info --json --json-format N` of Nix 2.34 prints for these paths, without a newline; a path
 * without an info, one that is not valid, becomes `null`.
 */
export function formatPathInfosJson(
  infos: ReadonlyMap<StorePath, (PathInfoRecord & ClosureSizes) | undefined>,
  options: PathInfoJsonOptions = {},
): string {
  const { format = 1, storeDir = defaultStoreDir } = options;
  const objects = [...infos]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([path, info]) => [
      format === 1 ? formatStorePath(path, storeDir) : path,
      info === undefined ? null : pathInfoToJson(info, { format, storeDir }),
    ]);
  const info = Object.fromEntries(objects);
  return JSON.stringify(format === 1 ? info : { info, storeDir, version: format });
}

/**
 * Parse what `nix path-info --json` of any generation prints. Paths that are not valid map to `undefined`.
 *
 * @throws {@link PathInfoJsonError} on anything else.
 */
export function parsePathInfosJson(
  text: string,
  options: { readonly storeDir?: string } = {},
): Map<StorePath, PathInfoRecord | undefined> {
  const storeDir = options.storeDir ?? defaultStoreDir;
  const infos = new Map<StorePath, PathInfoRecord | undefined>();
  for (const [name, object] of listEntries(parseJson(text))) {
    const path = read(name, () => (name.includes('/') ? parseStorePath(name, storeDir) : parseStorePathBaseName(name)));
    infos.set(path, object === null ? undefined : pathInfoFromJson(path, object, options));
  }
  return infos;
}

function listEntries(document: unknown): [string, unknown][] {
  if (Array.isArray(document))
    return document.map((item) => {
      const fields = asObject(item, 'an item of the list');
      return [asText(fields.path, 'path'), fields.valid === false ? null : item];
    });
  const fields = asObject(document, 'the document');
  return Object.entries(typeof fields.version === 'number' ? asObject(fields.info, 'info') : fields);
}

/**
 * One path info from the object that Nix makes of it, in format 1, 2 or 3 as its `version` says, 1 without.
 *
 * @throws {@link PathInfoJsonError} when a field is missing or wrong.
 */
export function pathInfoFromJson(
  path: StorePath,
  json: unknown,
  options: { readonly storeDir?: string } = {},
): PathInfoRecord {
  const fields = asObject(json, path);
  const { version = 1, storeDir = options.storeDir ?? defaultStoreDir } = fields;
  if (version !== 1 && version !== 2 && version !== 3)
    throw new PathInfoJsonError(`unsupported format version ${JSON.stringify(version)}; supported are 1, 2 and 3`);
  const directory = asText(storeDir, 'storeDir');
  const parsePath = (value: unknown, name: string): StorePath =>
    read(name, () =>
      version === 1 ? parseStorePath(asText(value, name), directory) : parseStorePathBaseName(asText(value, name)),
    );
  const { ca, deriver, registrationTime, ultimate, signatures, url, compression, downloadHash, downloadSize } = fields;
  return {
    path,
    narHash: parseSri(fields.narHash, 'narHash'),
    narSize: asSize(fields.narSize, 'narSize'),
    references: [
      ...new Set(asList(fields.references, 'references').map((reference) => parsePath(reference, 'references'))),
    ].sort(),
    ...(isGiven(deriver) && { deriver: parsePath(deriver, 'deriver') }),
    signatures: isGiven(signatures) ? parseSignatures(signatures) : [],
    ...(isGiven(ca) && { contentAddress: contentAddressFromJson(ca) }),
    ...(isGiven(registrationTime) && { registrationTime: asSize(registrationTime, 'registrationTime') }),
    ...(isGiven(ultimate) && asBoolean(ultimate, 'ultimate') && { ultimate: true }),
    ...(isGiven(url) && { url: asText(url, 'url') }),
    ...(isGiven(compression) && { compression: asText(compression, 'compression') }),
    ...(isGiven(downloadHash) && { fileHash: parseSri(downloadHash, 'downloadHash') }),
    ...(isGiven(downloadSize) && { fileSize: asSize(downloadSize, 'downloadSize') }),
  };
}

/** A content address as the text of format 1 or the object of format 2. */
function contentAddressToJson(contentAddress: ContentAddress, format: PathInfoJsonFormat): unknown {
  if (format === 1) return formatContentAddress(contentAddress);
  return { hash: formatHash(contentAddress.hash, 'sri'), method: contentAddress.method };
}

function contentAddressFromJson(value: unknown): ContentAddress {
  if (typeof value === 'string') return read('ca', () => parseContentAddress(value));
  const { method, hash } = asObject(value, 'ca');
  if (method !== 'text' && method !== 'flat' && method !== 'nar' && method !== 'git')
    throw new PathInfoJsonError(`unknown method ${JSON.stringify(method)} of ca`);
  return { method, hash: parseSri(hash, 'ca.hash') };
}

function parseSignatures(value: unknown): string[] {
  const texts = asList(value, 'signatures').map((signature) => {
    if (typeof signature === 'string') return signature;
    const { keyName, sig } = asObject(signature, 'a signature');
    return `${asText(keyName, 'keyName')}:${asText(sig, 'sig')}`;
  });
  return read('signatures', () => mergeSignatures(texts));
}

function parseSri(value: unknown, name: string): Hash {
  return read(name, () => parseHash(asText(value, name)));
}

function read<Value>(name: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PathInfoJsonError) throw error;
    throw new PathInfoJsonError(`${name}: ${messageOf(error)}`, { cause: error });
  }
}

function parseJson(text: string): unknown {
  return read('the text', () => JSON.parse(text));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new PathInfoJsonError(`${name} is not an object`);
}

function asList(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new PathInfoJsonError(`${name} is not a list`);
}

function asText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new PathInfoJsonError(`${name} is not a text`);
}

function asBoolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new PathInfoJsonError(`${name} is not a boolean`);
}

function asSize(value: unknown, name: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new PathInfoJsonError(`${name} is not a whole number from 0 to 2^53 - 1`);
}
