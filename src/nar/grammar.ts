/**
 * The Nix archive format: its tokens and its limits, for those who write it and those who read it.
 *
 * ```
 * str(s)  = u64 little-endian length · bytes · zeros up to a multiple of 8
 *
 * nar     = str("nix-archive-1") node
 * node    = str("(") str("type") (regular | directory | symlink) str(")")
 * regular = str("regular") [str("executable") str("")] str("contents") str(contents)
 * symlink = str("symlink") str("target") str(target)
 * directory = str("directory") entry*                      names strictly ascending by unsigned byte
 * entry   = str("entry") str("(") str("name") str(name) str("node") node str(")")
 * ```
 *
 * Rules and limits are those of Nix's `src/libutil/archive.cc` and of its manual, "Nix Archive (NAR) format".
 *
 * @module
 */
import { concatBytes, encodeUtf8 } from '../bytes/bytes.ts';
import { writeUint64 } from '../bytes/uint64.ts';

/** What every NAR begins with. */
export const narMagic = 'nix-archive-1';

/** The longest name of a directory entry, in bytes (`narMaxName`). */
export const maximumNameLength = 255;

/** The longest target of a symlink, in bytes (`narMaxTarget`). */
export const maximumTargetLength = 4095;

/** How many levels a tree may have: the root is level 0, a node on level 64 is refused (`narMaxDepth`). */
export const maximumDepth = 64;

/** The longest token that is read before it is compared, in bytes (`narMaxTag`). */
export const maximumTagLength = 32;

/** Zero bytes that follow a string of this length. */
export function paddingAfter(length: number): number {
  return (8 - (length % 8)) % 8;
}

/** A string as a NAR has it: length, bytes, padding. */
function encodeString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encodeUtf8(text);
  const encoded = new Uint8Array(8 + bytes.length + paddingAfter(bytes.length));
  writeUint64(encoded, 0, bytes.length);
  encoded.set(bytes, 8);
  return encoded;
}

function encodeStrings(...texts: readonly string[]): Uint8Array<ArrayBuffer> {
  return concatBytes(texts.map(encodeString));
}

/** The runs of tokens that a writer puts between sizes, names, targets and contents. */
export const narTokens: {
  readonly start: Uint8Array<ArrayBuffer>;
  readonly regular: Uint8Array<ArrayBuffer>;
  readonly executable: Uint8Array<ArrayBuffer>;
  readonly symlink: Uint8Array<ArrayBuffer>;
  readonly directory: Uint8Array<ArrayBuffer>;
  readonly entry: Uint8Array<ArrayBuffer>;
  readonly node: Uint8Array<ArrayBuffer>;
  readonly close: Uint8Array<ArrayBuffer>;
} = {
  start: encodeString(narMagic),
  /** Followed by the size of the contents. */
  regular: encodeStrings('(', 'type', 'regular', 'contents'),
  /** The same of a file that its owner may execute. */
  executable: encodeStrings('(', 'type', 'regular', 'executable', '', 'contents'),
  /** Followed by the target. */
  symlink: encodeStrings('(', 'type', 'symlink', 'target'),
  /** Followed by entries. */
  directory: encodeStrings('(', 'type', 'directory'),
  /** Followed by the name. */
  entry: encodeStrings('entry', '(', 'name'),
  /** Between the name and the node. */
  node: encodeString('node'),
  /** After a node, and after an entry. */
  close: encodeString(')'),
};

/** May an entry of a directory have this name? Not empty, `.` or `..`, no `/` and no NUL, 255 bytes at most. */
export function isEntryName(name: Uint8Array): boolean {
  if (name.length === 0 || name.length > maximumNameLength) return false;
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) return false;
  return !name.includes(0x2f) && !name.includes(0);
}

/** May a symlink have this target? Not empty, no NUL, 4095 bytes at most. */
export function isSymlinkTarget(target: Uint8Array): boolean {
  return target.length > 0 && target.length <= maximumTargetLength && !target.includes(0);
}
