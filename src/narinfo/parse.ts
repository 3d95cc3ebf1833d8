/**
 * Read a narinfo exactly as Nix does: what it ignores is ignored, what it refuses is refused.
 *
 * Rules: Nix `src/libstore/nar-info.cc`.
 *
 * @module
 */
import { type ContentAddress, parseContentAddress } from '../content-address.ts';
import { messageOf } from '../errors.ts';
import { type Hash, parseHash } from '../hash/hash.ts';
import { formatSignatures, parseSignature, type Signature } from '../signature.ts';
import { defaultStoreDir, parseStorePath, parseStorePathBaseName, type StorePath } from '../store-path.ts';
import { type NarInfo, NarInfoError } from './narinfo.ts';

/** The most bytes that a narinfo may have: some hundred thousand references. */
export const maximumNarInfoBytes: number = 16 * 1024 * 1024;

/** Something that Nix reads over, and never writes. */
export interface NarInfoQuirk {
  /**
   * `unknown-field`: it is ignored. `repeated-field`: the last one counts. `no-space`: no space follows the colon; the
   * character that does, be it the newline, is dropped.
   */
  readonly kind: 'unknown-field' | 'repeated-field' | 'no-space';
  readonly field: string;
  /** From 1. */
  readonly line: number;
}

/** How {@link parseNarInfo} reads. */
export interface ParseNarInfoOptions {
  /** @default '/nix/store' */
  readonly storeDir?: string;
  /** What errors call the narinfo: its key, URL or file. @default 'narinfo' */
  readonly where?: string;
  /** Takes what was read over. @default nothing */
  readonly onQuirk?: (quirk: NarInfoQuirk) => void;
}

// Fields that Nix ignores may hold any bytes.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The fields as they are found. */
interface Draft {
  path?: StorePath;
  url: string;
  compression: string;
  fileHash?: Hash;
  fileSize: number;
  narHash?: Hash;
  narSize: number;
  references: StorePath[];
  deriver?: StorePath;
  signatures: Signature[];
  contentAddress?: ContentAddress;
}

/**
 * Parse a narinfo.
 *
 * As in Nix: unknown fields are ignored; of a field given twice the last counts, but a second non-empty `References` or
 * `CA` is refused; an absent or empty `Compression` means bzip2; `Deriver: unknown-deriver` means none; a size of 0 means
 * unknown. References come out sorted, signatures in Nix's order, both without duplicates. Stricter than Nix: a size has an
 * exact number (up to 2^53 - 1), the URL is UTF-8.
 *
 * @throws {@link NarInfoError} with line and field, for all that is wrong with it.
 * @example
 * ```ts
 * const info = parseNarInfo(bytes, { where: 'abc.narinfo' });
 * ```
 */
export function parseNarInfo(input: Uint8Array | string, options: ParseNarInfoOptions = {}): NarInfo {
  const { storeDir = defaultStoreDir, where = 'narinfo', onQuirk } = options;
  if (input.length > maximumNarInfoBytes)
    throw new NarInfoError(`it is longer than ${maximumNarInfoBytes} bytes`, { where });
  const text = typeof input === 'string' ? input : decoder.decode(input);
  const draft: Draft = { url: '', compression: '', fileSize: 0, narSize: 0, references: [], signatures: [] };

  const seen = new Set<string>();
  let line = 1;
  for (let position = 0; position < text.length; ) {
    const colon = text.indexOf(':', position);
    if (colon === -1) throw new NarInfoError(`expecting ':'`, { where, line });
    const field = text.slice(position, colon);
    // Nix looks for the end of the line behind the space that should follow the colon: without that space, the next line
    // belongs to the value.
    const end = text.indexOf('\n', colon + 2);
    if (end === -1) throw new NarInfoError(`expecting '\\n'`, { where, line, field });
    if (onQuirk !== undefined) for (const kind of findQuirks(text, colon, field, seen)) onQuirk({ kind, field, line });
    try {
      parseField(draft, field, text.slice(colon + 2, end), storeDir);
    } catch (error) {
      throw new NarInfoError(`invalid ${field}: ${messageOf(error)}`, { where, line, field }, { cause: error });
    }
    line += countLines(text, position, end);
    position = end + 1;
  }
  return complete(draft, where);
}

function complete(draft: Draft, where: string): NarInfo {
  const { path, url, compression, fileHash, fileSize, narHash, narSize, deriver, contentAddress } = draft;
  if (path === undefined) throw new NarInfoError('StorePath missing', { where, field: 'StorePath' });
  if (narHash === undefined) throw new NarInfoError('NarHash missing', { where, field: 'NarHash' });
  if (url === '') throw new NarInfoError('URL missing', { where, field: 'URL' });
  if (narSize === 0) throw new NarInfoError('NarSize missing or zero', { where, field: 'NarSize' });
  return {
    path,
    url,
    compression: compression === '' ? 'bzip2' : compression,
    ...(fileHash && { fileHash }),
    ...(fileSize !== 0 && { fileSize }),
    narHash,
    narSize,
    references: [...new Set(draft.references)].sort(),
    ...(deriver && { deriver }),
    signatures: formatSignatures(draft.signatures),
    ...(contentAddress && { contentAddress }),
  };
}

function parseField(draft: Draft, field: string, value: string, storeDir: string): void {
  switch (field) {
    case 'StorePath':
      draft.path = parseStorePath(value, storeDir);
      break;
    case 'URL':
      draft.url = checkUtf8(value);
      break;
    case 'Compression':
      draft.compression = checkUtf8(value);
      break;
    case 'FileHash':
      draft.fileHash = parseHash(value);
      break;
    case 'FileSize':
      draft.fileSize = parseSize(value);
      break;
    case 'NarHash':
      draft.narHash = parseHash(value);
      break;
    case 'NarSize':
      draft.narSize = parseSize(value);
      break;
    case 'References':
      if (draft.references.length > 0) throw new RangeError('extra References');
      draft.references = value.split(' ').filter(Boolean).map(parseStorePathBaseName);
      break;
    case 'Deriver':
      if (value !== 'unknown-deriver') draft.deriver = parseStorePathBaseName(value);
      break;
    case 'Sig':
      draft.signatures.push(parseSignature(checkUtf8(value)));
      break;
    case 'CA':
      if (draft.contentAddress !== undefined) throw new RangeError('extra CA');
      if (value !== '') draft.contentAddress = parseContentAddress(value);
      break;
  }
}

/** Nix takes any bytes here; what is no text of ours must not come out changed. */
function checkUtf8(value: string): string {
  if (value.includes('\ufffd')) throw new RangeError('it is not UTF-8');
  return value;
}

function parseSize(value: string): number {
  const size = /^\+?[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new RangeError(`'${value}' is not a whole number from 0 to 2^53 - 1`);
  return size;
}

const knownFields: ReadonlySet<string> = new Set([
  'StorePath',
  'URL',
  'Compression',
  'FileHash',
  'FileSize',
  'NarHash',
  'NarSize',
  'References',
  'Deriver',
  'Sig',
  'CA',
]);

function findQuirks(text: string, colon: number, field: string, seen: Set<string>): NarInfoQuirk['kind'][] {
  const kinds: NarInfoQuirk['kind'][] = [];
  if (!knownFields.has(field)) kinds.push('unknown-field');
  if (seen.has(field) && field !== 'Sig') kinds.push('repeated-field');
  if (text[colon + 1] !== ' ') kinds.push('no-space');
  seen.add(field);
  return kinds;
}

function countLines(text: string, start: number, end: number): number {
  let lines = 1;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
