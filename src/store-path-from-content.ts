/**
 * Which store path a content address makes.
 *
 * Rules: Nix `src/libstore/store-dir-config.cc` and the manual's page "Store path specification".
 *
 * @module
 */
import { encodeUtf8 } from './bytes/bytes.ts';
import type { ContentAddress } from './content-address.ts';
import { NarkitError } from './errors.ts';
import { formatHash, type Hash } from './hash/hash.ts';
import { hashBytes } from './hash/hash-bytes.ts';
import { encodeNix32 } from './hash/nix32.ts';
import type { PathInfo } from './path-info.ts';
import {
  defaultStoreDir,
  formatStorePath,
  parseStorePathBaseName,
  type StorePath,
  storePathName,
} from './store-path.ts';

/** What a store path refers to, itself told apart since its own name is not known yet. */
export interface ContentReferences {
  readonly others: readonly StorePath[];
  readonly self: boolean;
}

/** A content address that no store path can have, for example a flat file with references. */
export class ContentAddressedPathError extends NarkitError {
  constructor(name: string, reason: string) {
    super('content-addressed-path', `no store path with the name '${name}' follows from this content: ${reason}`);
  }
}

/**
 * The store path of a content address. (Nix: `makeFixedOutputPathFromCA`.)
 *
 * @throws {@link ContentAddressedPathError} when references, method and algorithm do not go together.
 * @throws {@link StorePathError} when the name is none.
 */
export function makeContentAddressedPath(
  name: string,
  contentAddress: ContentAddress,
  references: ContentReferences = { others: [], self: false },
  storeDir: string = defaultStoreDir,
): StorePath {
  if (contentAddress.method === 'text') return makeTextPath(name, contentAddress.hash, references, storeDir);
  return makeFixedOutputPath(name, contentAddress, references, storeDir);
}

function makeTextPath(name: string, hash: Hash, references: ContentReferences, storeDir: string): StorePath {
  if (hash.algorithm !== 'sha256') throw new ContentAddressedPathError(name, `a text is hashed by sha256`);
  if (references.self) throw new ContentAddressedPathError(name, 'a text cannot refer to itself');
  return makeStorePath(typeWithReferences('text', references, storeDir), hash, name, storeDir);
}

function makeFixedOutputPath(
  name: string,
  { method, hash }: ContentAddress,
  references: ContentReferences,
  storeDir: string,
): StorePath {
  if (method === 'git' && hash.algorithm !== 'sha1' && hash.algorithm !== 'sha256')
    throw new ContentAddressedPathError(name, `git hashes by sha1 or sha256, not by ${hash.algorithm}`);
  if (method === 'nar' && hash.algorithm === 'sha256')
    return makeStorePath(typeWithReferences('source', references, storeDir), hash, name, storeDir);
  if (references.self || references.others.length > 0)
    throw new ContentAddressedPathError(name, 'only a NAR hashed by sha256, or a text, may have references');
  const prefix = method === 'nar' ? 'r:' : method === 'git' ? 'git:' : '';
  const inner = hashBytes('sha256', encodeUtf8(`fixed:out:${prefix}${formatHash(hash, 'base16')}:`));
  return makeStorePath('output:out', inner, name, storeDir);
}

function typeWithReferences(type: string, references: ContentReferences, storeDir: string): string {
  const others = [...new Set(references.others)].sort().map((path) => formatStorePath(path, storeDir));
  return [type, ...others, ...(references.self ? ['self'] : [])].join(':');
}

function makeStorePath(type: string, hash: Hash, name: string, storeDir: string): StorePath {
  const { digest } = hashBytes('sha256', encodeUtf8(`${type}:${formatHash(hash, 'base16')}:${storeDir}:${name}`));
  return parseStorePathBaseName(`${encodeNix32(foldDigest(digest, 20))}-${name}`);
}

/** A shorter digest: every byte that is too many is XORed onto one that is not (Nix: `compressHash`). */
function foldDigest(digest: Uint8Array, size: number): Uint8Array {
  const folded = new Uint8Array(size);
  for (const [index, byte] of digest.entries()) folded[index % size]! ^= byte;
  return folded;
}

/**
 * Does the path's name follow from its content address and references? Then it needs no signature. A path without a
 * content address, or with one that makes another path, is not content-addressed. (Nix:
 * `ValidPathInfo::isContentAddressed`.)
 */
export function isContentAddressed(info: PathInfo, storeDir: string = defaultStoreDir): boolean {
  if (info.contentAddress === undefined) return false;
  const references = {
    others: info.references.filter((reference) => reference !== info.path),
    self: info.references.includes(info.path),
  };
  try {
    return makeContentAddressedPath(storePathName(info.path), info.contentAddress, references, storeDir) === info.path;
  } catch (error) {
    if (error instanceof ContentAddressedPathError) return false;
    throw error;
  }
}
