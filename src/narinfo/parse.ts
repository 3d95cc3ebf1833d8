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
import { formatSignature, mergeSignatures, parseSignature } from '../signature.ts';
import { defaultStoreDir, parseStorePath, parseStorePathBaseName, type StorePath } from '../store-path.ts';
import { type NarInfo, NarInfoError } from './narinfo.ts';

/** The most bytes that a narinfo may have: some hundred thousand references. */
export const maximumNarInfoBytes: number = 16 * 1024 * 1024;

/** How {@link parseNarInfo} reads. */
export interface ParseNarInfoOptions {
  /** @default '/nix/store' */
  readonly storeDir?: string;
  /** What errors call the narinfo: its key, URL or file. @default 'narinfo' */
  readonly where?: string;
}

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
  signatures: string[];
  contentAddress?: ContentAddress;
}

/**
 * Parse a narinfo.
 *
 * As in Nix: unknown fields are ignored; of a field given twice the last counts, but a second non-empty `References` or
 * `CA` is refused; an absent or empty `Compression` means bzip2; `Deriver: unknown-deriver` means none; a size of 0 means
 * unknown. References come out sorted, signatures in Nix's order, both without duplicates.
 *
 * @throws {@link NarInfoError} with line and field, for all that is wrong with it.
 * @example
 * ```ts
 * const info = parseNarInfo(bytes, { where: 'abc.narinfo' });
 * ```
 */
export function parseNarInfo(input: Uint8Array | string, options: ParseNarInfoOptions = {}): NarInfo {
  const { storeDir = defaultStoreDir, where = 'narinfo' } = options;
  if (input.length > maximumNarInfoBytes)
    throw new NarInfoError(`it is longer than ${maximumNarInfoBytes} bytes`, { where });
  const text = typeof input === 'string' ? input : decodeText(input, where);
  const draft: Draft = { url: '', compression: '', fileSize: 0, narSize: 0, references: [], signatures: [] };

  let line = 1;
  for (let position = 0; position < text.length; ) {
    const colon = text.indexOf(':', position);
    if (colon === -1) throw new NarInfoError(`expecting ':'`, { where, line });
    const field = text.slice(position, colon);
    // Nix looks for the end of the line behind the space that should follow the colon: without that space, the next line
    // belongs to the value.
    const end = text.indexOf('\n', colon + 2);
    if (end === -1) throw new NarInfoError(`expecting '\\n'`, { where, line, field });
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
    signatures: mergeSignatures(draft.signatures),
    ...(contentAddress && { contentAddress }),
  };
}

function parseField(draft: Draft, field: string, value: string, storeDir: string): void {
  switch (field) {
    case 'StorePath':
      draft.path = parseStorePath(value, storeDir);
      break;
    case 'URL':
      draft.url = value;
      break;
    case 'Compression':
      draft.compression = value;
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
      draft.signatures.push(formatSignature(parseSignature(value)));
      break;
    case 'CA':
      if (draft.contentAddress !== undefined) throw new RangeError('extra CA');
      if (value !== '') draft.contentAddress = parseContentAddress(value);
      break;
  }
}

function parseSize(value: string): number {
  const size = /^\+?[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new RangeError(`'${value}' is not a whole number from 0 to 2^53 - 1`);
  return size;
}

function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new NarInfoError('it is not UTF-8', { where }, { cause: error });
  }
}

function countLines(text: string, start: number, end: number): number {
  let lines = 1;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
