/**
 * nix32, base16, base64, SRI; the Hash value; streaming digests.
 *
 * @module
 */
export { createHasher } from '#hasher';
export { decodeBase16, encodeBase16 } from './base16.ts';
export { base64Length, decodeBase64, encodeBase64 } from './base64.ts';
export { EncodingError } from './encoding-error.ts';
export {
  digestSizes,
  equalHashes,
  type FormatHashOptions,
  formatHash,
  type Hash,
  type HashAlgorithm,
  HashError,
  type HashFormat,
  type HashWithFormat,
  hashAlgorithms,
  hashFormats,
  isHashAlgorithm,
  parseHash,
  parseHashAny,
  parseHashUnprefixed,
  parseHashWithFormat,
} from './hash.ts';
export { hashBytes } from './hash-bytes.ts';
export type { Hasher } from './hasher.ts';
export { decodeNix32, encodeNix32, nix32Length } from './nix32.ts';
