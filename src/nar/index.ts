/**
 * The Nix archive format: writing, reading, the listing, and references found in one.
 *
 * @module
 */
export type { NarDirectoryEntry, NarEntry, NarRegularEntry, NarSymlinkEntry } from './entry.ts';
export { decodeFileName, encodeFileName, isUtf8FileName } from './file-name.ts';
export {
  isEntryName,
  isSymlinkTarget,
  maximumDepth,
  maximumNameLength,
  maximumTargetLength,
  narMagic,
} from './grammar.ts';
export {
  createNarListingBuilder,
  type FormatNarListingOptions,
  formatNarListing,
  formatNarListingNode,
  formatShallowNarListing,
  locateInListing,
  maximumListingLength,
  type NarListing,
  type NarListingBuilder,
  type NarListingDirectory,
  NarListingError,
  type NarListingRegular,
  type NarListingSymlink,
  parseNarListing,
} from './listing.ts';
export { NarFormatError, NarWriteError } from './nar-error.ts';
export { canonicalNarPath, findInListing, NarPathError } from './nar-path.ts';
export { createNarParser, type NarHandler, type NarParser } from './parser.ts';
export { type NarReadEntry, type NarRegularReadEntry, observeNar, readNar } from './read.ts';
export { listNar, type ReadNarFileOptions, readNarFile } from './read-file.ts';
export { createReferenceScanner, type ReferenceScanner } from './reference-scan.ts';
export {
  type NarDirectoryNode,
  type NarNode,
  type NarRegularNode,
  type NarSymlinkNode,
  type WriteNarOptions,
  writeNar,
} from './write.ts';
