/**
 * Content addresses: how a path's name follows from what is in it.
 *
 * Rules: Nix `src/libstore/content-address.cc`.
 *
 * @module
 */
import { NarkitError } from './errors.ts';
import { formatHash, type Hash, isHashAlgorithm, parseHashUnprefixed } from './hash/hash.ts';

/** How the content was hashed: a text with references, a flat file, a NAR, or as git does. */
export type ContentAddressMethod = 'text' | 'flat' | 'nar' | 'git';

/** `text:…`, `fixed:…`, `fixed:r:…` or `fixed:git:…`. */
export interface ContentAddress {
  readonly method: ContentAddressMethod;
  readonly hash: Hash;
}

/** A text that should have been a content address and is none. */
export class ContentAddressError extends NarkitError {
  /** The text as it was given. */
  readonly contentAddress: string;

  constructor(contentAddress: string, reason: string) {
    super('content-address', `'${contentAddress}' is not a content address: ${reason}`);
    this.contentAddress = contentAddress;
  }
}

const prefixes: Readonly<Record<ContentAddressMethod, string>> = {
  text: 'text:',
  nar: 'fixed:r:',
  git: 'fixed:git:',
  // Last: it begins the other two.
  flat: 'fixed:',
};

/**
 * Parse `text:<hash>` or `fixed:[r:|git:]<hash>`, where the hash is `<algorithm>:` and base16, nix32 or base64.
 *
 * @throws {@link ContentAddressError} or {@link HashError} when it is none.
 */
export function parseContentAddress(text: string): ContentAddress {
  for (const [method, prefix] of Object.entries(prefixes) as [ContentAddressMethod, string][])
    if (text.startsWith(prefix)) return { method, hash: parseContentHash(text, text.slice(prefix.length)) };
  throw new ContentAddressError(text, `it begins with neither 'text:' nor 'fixed:'`);
}

function parseContentHash(text: string, rest: string): Hash {
  const colon = rest.indexOf(':');
  if (colon === -1) throw new ContentAddressError(text, `the hash is not of the form '<algorithm>:<hash>'`);
  const algorithm = rest.slice(0, colon);
  if (!isHashAlgorithm(algorithm)) throw new ContentAddressError(text, `unknown hash algorithm '${algorithm}'`);
  return parseHashUnprefixed(rest.slice(colon + 1), algorithm);
}

/** The content address as Nix writes it, the hash in nix32. */
export function formatContentAddress(contentAddress: ContentAddress): string {
  return prefixes[contentAddress.method] + formatHash(contentAddress.hash, 'nix32');
}
