/**
 * Store paths: `<store directory>/<hash part>-<name>`.
 *
 * Inside narkit a store path is its base name, a branded string: it works as the key of a Map or Set, and does not
 * depend on where the store lies. The store directory is joined at the borders.
 *
 * Rules: Nix `src/libstore/path.cc` (checkName) and the manual's page "Store path".
 *
 * @module
 */
import { NarkitError } from './errors.ts';

/** The base name of a store path: 32 nix32 characters, a dash, a name of 1 to 211 characters. */
export type StorePath = string & { readonly __brand: 'StorePath' };

/** Where Nix keeps its store unless told otherwise. */
export const defaultStoreDir = '/nix/store';

/** How many characters the hash part of a store path has. */
export const storePathHashPartLength = 32;

/** A text that should have been a store path and is not. */
export class StorePathError extends NarkitError {
  /** The text as it was given. */
  readonly storePath: string;

  constructor(storePath: string, reason: string) {
    super('store-path', `path '${storePath}' is not a store path: ${reason}`);
    this.storePath = storePath;
  }
}

const hashPartPattern = /^[0-9abcdfghijklmnpqrsvwxyz]{32}$/;
const namePattern = /^[0-9A-Za-z+\-._?=]{1,211}$/;

/**
 * Check the base name of a store path.
 *
 * @throws {@link StorePathError} when it is none.
 * @example
 * ```ts
 * parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
 * ```
 */
export function parseStorePathBaseName(baseName: string): StorePath {
  const hashPart = baseName.slice(0, storePathHashPartLength);
  const name = baseName.slice(storePathHashPartLength + 1);
  if (
    hashPartPattern.test(hashPart) &&
    baseName[storePathHashPartLength] === '-' &&
    namePattern.test(name) &&
    !/^\.\.?(-|$)/.test(name)
  )
    return baseName as StorePath;
  throw new StorePathError(baseName, whatIsWrong(baseName, hashPart, name));
}

function whatIsWrong(baseName: string, hashPart: string, name: string): string {
  if (!hashPartPattern.test(hashPart)) return 'it does not begin with 32 nix32 characters';
  if (baseName[storePathHashPartLength] !== '-') return 'there is no dash after the hash part';
  if (name === '') return 'the name is empty';
  if (name.length > 211) return 'the name is longer than 211 characters';
  if (/^\.\.?(-|$)/.test(name)) return `the name must not be '.' or '..', nor begin with '.-' or '..-'`;
  return 'the name has a character outside of 0-9 A-Z a-z + - . _ ? =';
}

/**
 * Parse a full store path. As in Nix, it need not be canonical: `/nix//store/./<base name>/` is read too.
 *
 * @throws {@link StorePathError} when it does not lie directly in `storeDir`.
 */
export function parseStorePath(path: string, storeDir: string = defaultStoreDir): StorePath {
  const prefix = `${storeDir}/`;
  const canonical = path.startsWith(prefix) && !path.includes('/', prefix.length) ? path : canonicalPath(path);
  const baseName = canonical.slice(prefix.length);
  if (canonical.startsWith(prefix) && !baseName.includes('/')) return parseStorePathBaseName(baseName);
  throw new StorePathError(path, `it is not directly in the store directory '${storeDir}'`);
}

/** Without empty, `.` and `..` components, by the text alone (Nix: `canonPath`); a relative path stays as it is. */
function canonicalPath(path: string): string {
  if (!path.startsWith('/')) return path;
  const components: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..') components.pop();
    else if (component !== '' && component !== '.') components.push(component);
  }
  return `/${components.join('/')}`;
}

/** The full path, with the store directory. */
export function formatStorePath(path: StorePath, storeDir: string = defaultStoreDir): string {
  return `${storeDir}/${path}`;
}

/** The 32 nix32 characters that name the path in a binary cache. */
export function storePathHashPart(path: StorePath): string {
  return path.slice(0, storePathHashPartLength);
}

/** What follows the hash part and the dash. */
export function storePathName(path: StorePath): string {
  return path.slice(storePathHashPartLength + 1);
}

/** Is this the hash part of a store path? */
export function isStorePathHashPart(text: string): boolean {
  return hashPartPattern.test(text);
}
