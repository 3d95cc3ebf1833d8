/**
 * narinfo and nix-cache-info, to the byte.
 *
 * @module
 */
export {
  formatNixCacheInfo,
  maximumNixCacheInfoBytes,
  type NixCacheInfo,
  NixCacheInfoError,
  nixCacheInfoContentType,
  nixCacheInfoKey,
  parseNixCacheInfo,
} from './cache-info.ts';
export { formatNarInfo } from './format.ts';
export {
  type NarInfo,
  NarInfoError,
  narInfoContentType,
  narInfoKey,
  narKey,
  narListingKey,
} from './narinfo.ts';
export { maximumNarInfoBytes, type NarInfoQuirk, type ParseNarInfoOptions, parseNarInfo } from './parse.ts';
