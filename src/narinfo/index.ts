/**
 * narinfo and nix-cache-info, to the byte, and the values that they are about: store paths, path infos, content addresses.
 *
 * @module
 */
export {
  type ContentAddress,
  ContentAddressError,
  type ContentAddressMethod,
  formatContentAddress,
  parseContentAddress,
} from '../content-address.ts';
export type { PathInfo } from '../path-info.ts';
export {
  defaultStoreDir,
  formatStorePath,
  isStorePathHashPart,
  parseStorePath,
  parseStorePathBaseName,
  type StorePath,
  StorePathError,
  storePathHashPart,
  storePathHashPartLength,
  storePathName,
} from '../store-path.ts';
export {
  ContentAddressedPathError,
  type ContentReferences,
  isContentAddressed,
  makeContentAddressedPath,
} from '../store-path-from-content.ts';
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
