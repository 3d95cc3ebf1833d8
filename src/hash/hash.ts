/**
 * The Hash value, and every text form that Nix reads and writes.
 *
 * Rules: Nix `src/libutil/hash.cc`.
 *
 * @module
 */
import { equalBytes } from '../bytes/bytes.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { decodeBase16, encodeBase16 } from './base16.ts';
import { base64Length, decodeBase64, encodeBase64 } from './base64.ts';
import { decodeNix32, encodeNix32, nix32Length } from './nix32.ts';

/** The hash algorithms that Nix knows. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512' | 'blake3';

/** A digest with the name of what made it. */
export interface Hash {
  readonly algorithm: HashAlgorithm;
  /** 16 bytes of md5, 20 of sha1, 32 of sha256 and blake3, 64 of sha512. */
  readonly digest: Uint8Array;
}

/** The forms that {@link formatHash} writes. */
export type HashFormat = 'nix32' | 'base16' | 'base64' | 'sri';

/** How many bytes a digest of each algorithm has. */
export const digestSizes: Readonly<Record<HashAlgorithm, number>> = {
  blake3: 32,
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha512: 64,
};

/** The algorithms that Nix knows, in the order in which Nix lists them. */
export const hashAlgorithms: readonly HashAlgorithm[] = ['blake3', 'md5', 'sha1', 'sha256', 'sha512'];

/** The forms that {@link formatHash} writes, in the order in which Nix lists them. */
export const hashFormats: readonly HashFormat[] = ['base64', 'nix32', 'base16', 'sri'];

/** A text that should have been a hash and is none. */
export class HashError extends NarkitError {
  /** The text as it was given. */
  readonly text: string;

  constructor(text: string, message: string, options?: ErrorOptions) {
    super('hash', message, options);
    this.text = text;
  }
}

/** Is this the name of an algorithm that Nix knows? */
export function isHashAlgorithm(text: string): text is HashAlgorithm {
  return Object.hasOwn(digestSizes, text);
}

/** Do both name the same algorithm and have the same bytes? */
export function equalHashes(left: Hash, right: Hash): boolean {
  return left.algorithm === right.algorithm && equalBytes(left.digest, right.digest);
}

/** How {@link formatHash} writes. */
export interface FormatHashOptions {
  /** `false` leaves the `algo:` prefix off; SRI always has its own. @default true */
  readonly prefix?: boolean;
}

/**
 * The text of a hash: `algo:…` in nix32, base16 or base64, or `algo-…` as SRI.
 *
 * @example
 * ```ts
 * const hash = parseHash('sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
 * formatHash(hash, 'nix32'); // 'sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'
 * ```
 */
export function formatHash(hash: Hash, format: HashFormat, options: FormatHashOptions = {}): string {
  const text = encoders[format](hash.digest);
  if (format === 'sri') return `${hash.algorithm}-${text}`;
  return (options.prefix ?? true) ? `${hash.algorithm}:${text}` : text;
}

const encoders: Readonly<Record<HashFormat, (bytes: Uint8Array) => string>> = {
  base16: encodeBase16,
  nix32: encodeNix32,
  base64: encodeBase64,
  sri: encodeBase64,
};

/** A hash, and which of the four forms it was written in. */
export interface HashWithFormat {
  readonly hash: Hash;
  readonly format: HashFormat;
}

/**
 * Parse a hash that names its algorithm: `algo:` and base16, nix32 or base64, told apart by length, or SRI `algo-base64`.
 * (Nix: `Hash::parseAnyPrefixed`.)
 *
 * @throws {@link HashError} without a prefix, with an unknown algorithm, or when the rest is no digest of it.
 */
export function parseHash(text: string): Hash {
  const split = splitPrefix(text);
  if (split === undefined)
    throw new HashError(text, `hash '${text}' does not include a type; write 'sha256:' before it`);
  return parseRest(text, split.rest, split.algorithm, split.sri).hash;
}

/**
 * Parse a hash that may name its algorithm, as `nix hash convert` does. (Nix: `Hash::parseAny`.)
 *
 * @throws {@link HashError} also when neither says the algorithm, or both do and disagree.
 */
export function parseHashAny(text: string, algorithm?: HashAlgorithm): Hash {
  return parseHashWithFormat(text, algorithm).hash;
}

/**
 * Like {@link parseHashAny}, and say which form it was. (Nix: `Hash::parseAnyReturningFormat`.)
 *
 * @throws {@link HashError} as {@link parseHashAny} does.
 */
export function parseHashWithFormat(text: string, algorithm?: HashAlgorithm): HashWithFormat {
  const split = splitPrefix(text);
  if (split !== undefined && algorithm !== undefined && split.algorithm !== algorithm)
    throw new HashError(text, `hash '${text}' should have type '${algorithm}'`);
  const known = split?.algorithm ?? algorithm;
  if (known === undefined)
    throw new HashError(text, `hash '${text}' does not include a type, nor is the type otherwise known from context`);
  return parseRest(text, split?.rest ?? text, known, split?.sri ?? false);
}

/**
 * Parse base16, nix32 or base64 of a known algorithm, told apart by length. (Nix: `Hash::parseNonSRIUnprefixed`.)
 *
 * @throws {@link HashError} when the length or the characters are those of none.
 */
export function parseHashUnprefixed(text: string, algorithm: HashAlgorithm): Hash {
  return parseRest(text, text, algorithm, false).hash;
}

function splitPrefix(text: string): { algorithm: HashAlgorithm; rest: string; sri: boolean } | undefined {
  const sri = !text.includes(':');
  const end = text.indexOf(sri ? '-' : ':');
  if (end === -1) return undefined;
  const algorithm = text.slice(0, end);
  if (!isHashAlgorithm(algorithm))
    throw new HashError(
      text,
      `hash '${text}' has the unknown algorithm '${algorithm}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'`,
    );
  return { algorithm, rest: text.slice(end + 1), sri };
}

const decoders: Readonly<Record<HashFormat, (text: string) => Uint8Array>> = {
  base16: decodeBase16,
  nix32: decodeNix32,
  base64: decodeBase64,
  sri: decodeBase64,
};

function parseRest(text: string, rest: string, algorithm: HashAlgorithm, sri: boolean): HashWithFormat {
  const size = digestSizes[algorithm];
  const format = sri ? 'sri' : formatOfLength(rest.length, size);
  if (format === undefined)
    throw new HashError(text, `hash '${text}' has wrong length for hash algorithm '${algorithm}'`);
  let digest: Uint8Array;
  try {
    digest = decoders[format](rest);
  } catch (error) {
    throw new HashError(text, `invalid ${algorithm} hash '${text}': ${messageOf(error)}`, { cause: error });
  }
  if (digest.length !== size)
    throw new HashError(text, `invalid ${algorithm} hash '${text}': it has ${digest.length} bytes, not ${size}`);
  return { hash: { algorithm, digest }, format };
}

function formatOfLength(length: number, size: number): HashFormat | undefined {
  if (length === 2 * size) return 'base16';
  if (length === nix32Length(size)) return 'nix32';
  if (length === base64Length(size)) return 'base64';
  return undefined;
}
