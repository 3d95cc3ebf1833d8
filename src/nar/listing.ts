/**
 * The listing of a NAR: what a binary cache keeps as `<hash part>.ls`.
 *
 * Nix writes it by `src/libutil/nar-listing.cc`: one line of JSON, keys in alphabetical order, `executable` when it is true, and
 * `narOffset` saying where in the uncompressed NAR the contents of a file begin.
 *
 * @module
 */
import { decodeUtf8 } from '../bytes/bytes.ts';
import { NarkitError } from '../errors.ts';
import type { NarEntry } from './entry.ts';
import { encodeFileName, isUtf8FileName } from './file-name.ts';
import { isEntryName, isSymlinkTarget, maximumDepth } from './grammar.ts';

/** A regular file in a listing. */
export interface NarListingRegular {
  readonly type: 'regular';
  /** Bytes of the contents. */
  readonly size: number;
  readonly executable: boolean;
  /** Where in the NAR the contents begin; `undefined` in a listing that was not made of a NAR. */
  readonly narOffset?: number | undefined;
}

/** A directory in a listing. */
export interface NarListingDirectory {
  readonly type: 'directory';
  readonly entries: ReadonlyMap<string, NarListing>;
}

/** A symlink in a listing. */
export interface NarListingSymlink {
  readonly type: 'symlink';
  readonly target: string;
}

/** What a NAR holds, but for the contents of files. */
export type NarListing = NarListingRegular | NarListingDirectory | NarListingSymlink;

/** A listing that cannot be read or written. */
export class NarListingError extends NarkitError {
  /** The object at stake, empty for the root. */
  readonly path: string;

  constructor(problem: string, path = '', options?: ErrorOptions) {
    super('nar-listing', path === '' ? `NAR listing: ${problem}` : `NAR listing: '${path}': ${problem}`, options);
    this.path = path;
  }
}

/** Makes a listing of the entries of a NAR as they go by. */
export interface NarListingBuilder {
  /** Take in the next entry; a directory comes before what is in it. */
  onEntry(entry: NarEntry): void;
  /** The listing. @throws TypeError when no entry went by. */
  finish(): NarListing;
}

/**
 * A listing of what is written or read.
 *
 * @example
 * ```ts
 * const builder = createNarListingBuilder();
 * for await (const chunk of observeNar(source, builder)) await write(chunk);
 * const text = formatNarListing(builder.finish());
 * ```
 */
export function createNarListingBuilder(): NarListingBuilder {
  let root: NarListing | undefined;
  /** The directories from the root down to the last one seen, each with its path. */
  const open: { readonly prefix: string; readonly entries: Map<string, NarListing> }[] = [];
  return {
    onEntry(entry) {
      while (open.length > 0 && !entry.path.startsWith(open.at(-1)!.prefix)) open.pop();
      const parent = open.at(-1);
      const listing = listingOf(entry);
      if (parent === undefined) root = listing;
      else parent.entries.set(entry.path.slice(parent.prefix.length), listing);
      if (listing.type === 'directory')
        open.push({ prefix: entry.path === '' ? '' : `${entry.path}/`, entries: listing.entries });
    },
    finish() {
      if (root === undefined) throw new TypeError('a listing needs at least the root entry of a NAR');
      return root;
    },
  };
}

type GrowingListing =
  | NarListingRegular
  | NarListingSymlink
  | { readonly type: 'directory'; readonly entries: Map<string, NarListing> };

function listingOf(entry: NarEntry): GrowingListing {
  if (entry.type === 'directory') return { type: 'directory', entries: new Map() };
  if (entry.type === 'symlink') return { type: 'symlink', target: entry.target };
  return { type: 'regular', size: entry.size, executable: entry.executable, narOffset: entry.narOffset };
}

/** How to print a listing. */
export interface FormatNarListingOptions {
  /** Print `"executable":false` too, as Nix does after 2.34; Nix 2.34 and older print `executable` only when it is true. */
  readonly everyExecutable?: boolean | undefined;
}

/**
 * The text of a `.ls` file, byte for byte as Nix 2.34 writes it.
 *
 * @throws {@link NarListingError} when a name or target is not UTF-8: JSON cannot hold it, and Nix refuses it too.
 */
export function formatNarListing(listing: NarListing, options: FormatNarListingOptions = {}): string {
  return `{"root":${formatNarListingNode(listing, options)},"version":1}`;
}

/**
 * The text of a listing without the frame that a `.ls` file has around it: what `nix nar ls --json --recursive` prints.
 *
 * @throws {@link NarListingError} as {@link formatNarListing}.
 */
export function formatNarListingNode(listing: NarListing, options: FormatNarListingOptions = {}): string {
  return formatNode(listing, '', options.everyExecutable ?? false);
}

/** The text of what lies directly in a directory, by names alone: what `nix nar ls --json` prints. */
export function formatShallowNarListing(listing: NarListing, options: FormatNarListingOptions = {}): string {
  if (listing.type !== 'directory') return formatNarListingNode(listing, options);
  const entries = sortedEntries(listing).map(([name]) => `${formatText(name, name)}:{}`);
  return `{"entries":{${entries.join(',')}},"type":"directory"}`;
}

function formatNode(listing: NarListing, path: string, everyExecutable: boolean): string {
  if (listing.type === 'symlink') return `{"target":${formatText(listing.target, path)},"type":"symlink"}`;
  if (listing.type === 'regular') {
    const executable = listing.executable || everyExecutable ? `"executable":${listing.executable},` : '';
    const narOffset = listing.narOffset ? `"narOffset":${listing.narOffset},` : '';
    return `{${executable}${narOffset}"size":${listing.size},"type":"regular"}`;
  }
  const entries = sortedEntries(listing).map(([name, child]) => {
    const childPath = path === '' ? name : `${path}/${name}`;
    return `${formatText(name, childPath)}:${formatNode(child, childPath, everyExecutable)}`;
  });
  return `{"entries":{${entries.join(',')}},"type":"directory"}`;
}

function formatText(text: string, path: string): string {
  if (!isUtf8FileName(text))
    throw new NarListingError('it is not UTF-8, which JSON and so a listing cannot hold', path);
  return JSON.stringify(text);
}

/** In byte order, as Nix's `std::map` has them. */
function sortedEntries(listing: NarListingDirectory): (readonly [string, NarListing])[] {
  return [...listing.entries].sort(([left], [right]) => compareByCodePoint(left, right));
}

/** The order of UTF-8 bytes: JavaScript's own, but that surrogates are greater than all other units. */
function compareByCodePoint(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return rankOfUnit(leftUnit) - rankOfUnit(rightUnit);
  }
  return left.length - right.length;
}

function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** The longest `.ls` text that is parsed, in bytes or characters. */
export const maximumListingLength: number = 256 * 1024 * 1024;

/**
 * Parse the text of a `.ls` file, or the listing alone without its frame.
 *
 * As Nix does, an absent `executable` is false, an absent or zero `narOffset` is none, and unknown keys are passed over. Names that no
 * NAR could have, and more than 64 levels, are refused.
 *
 * @throws {@link NarListingError}
 */
export function parseNarListing(text: string | Uint8Array): NarListing {
  if (text.length > maximumListingLength) throw new NarListingError(`longer than ${maximumListingLength} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(typeof text === 'string' ? text : decodeUtf8(text));
  } catch (error) {
    throw new NarListingError('not JSON', '', { cause: error });
  }
  if (!isRecord(value)) throw new NarListingError('not a JSON object');
  if (!('version' in value)) return parseNode(value, '', 0);
  if (value.version !== 1) throw new NarListingError(`version ${describeValue(value.version)} is not known, only 1 is`);
  return parseNode(value.root, '', 0);
}

function parseNode(value: unknown, path: string, depth: number): NarListing {
  if (depth >= maximumDepth) throw new NarListingError(`nesting exceeds the maximum depth of ${maximumDepth}`, path);
  if (!isRecord(value)) throw new NarListingError('not a JSON object', path);
  switch (value.type) {
    case 'regular':
      return parseRegular(value, path);
    case 'symlink':
      return parseSymlink(value, path);
    case 'directory':
      return parseDirectory(value, path, depth);
    default:
      throw new NarListingError(`unknown file type ${describeValue(value.type)}`, path);
  }
}

function parseSymlink({ target }: Record<string, unknown>, path: string): NarListingSymlink {
  if (typeof target !== 'string') throw new NarListingError('a symlink without a target', path);
  if (!isUtf8FileName(target) || !isSymlinkTarget(encodeFileName(target)))
    throw new NarListingError('a symlink with a target that none can have', path);
  return { type: 'symlink', target };
}

function parseRegular(value: Record<string, unknown>, path: string): NarListingRegular {
  const { size, executable = false, narOffset } = value;
  if (!isSize(size)) throw new NarListingError('a file without a size that is a whole number below 2^53', path);
  if (typeof executable !== 'boolean') throw new NarListingError("'executable' is neither true nor false", path);
  if (narOffset === undefined || narOffset === 0) return { type: 'regular', size, executable };
  if (!isSize(narOffset)) throw new NarListingError("'narOffset' is no whole number below 2^53", path);
  return { type: 'regular', size, executable, narOffset };
}

function parseDirectory(value: Record<string, unknown>, path: string, depth: number): NarListingDirectory {
  if (!isRecord(value.entries)) throw new NarListingError('a directory without entries', path);
  const entries = new Map<string, NarListing>();
  for (const [name, child] of Object.entries(value.entries)) {
    if (!isUtf8FileName(name) || !isEntryName(encodeFileName(name)))
      throw new NarListingError(`${JSON.stringify(name)} is not a file name`, path);
    entries.set(name, parseNode(child, path === '' ? name : `${path}/${name}`, depth + 1));
  }
  return { type: 'directory', entries };
}

/** For messages. What holds other values may be nested deeper than it can be printed. */
function describeValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'of an object or list' : JSON.stringify(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The object at a path of a listing, or `undefined` when there is none. Symlinks are not followed, as Nix does not.
 *
 * @param path names joined by `/`; one in front, at the end, or doubled changes nothing.
 */
export function locateInListing(listing: NarListing, path: string): NarListing | undefined {
  let found: NarListing | undefined = listing;
  for (const name of path.split('/')) {
    if (name === '') continue;
    found = found?.type === 'directory' ? found.entries.get(name) : undefined;
  }
  return found;
}
