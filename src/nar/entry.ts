/**
 * What is known of a file system object in a NAR, besides its contents.
 *
 * @module
 */

/** A regular file. */
export interface NarRegularEntry {
  readonly type: 'regular';
  /** Names joined by `/`, without one in front; empty for the root. Bytes by `encodeFileName`. */
  readonly path: string;
  /** Bytes of the contents. */
  readonly size: number;
  readonly executable: boolean;
  /** Where the contents begin, in bytes from the start of the NAR. */
  readonly narOffset: number;
}

/** A directory; what is in it follows. */
export interface NarDirectoryEntry {
  readonly type: 'directory';
  /** Names joined by `/`, without one in front; empty for the root. Bytes by `encodeFileName`. */
  readonly path: string;
}

/** A symlink. */
export interface NarSymlinkEntry {
  readonly type: 'symlink';
  /** Names joined by `/`, without one in front; empty for the root. Bytes by `encodeFileName`. */
  readonly path: string;
  /** As it stands in the NAR. Bytes by `encodeFileName`. */
  readonly target: string;
}

/** A file system object in a NAR, in the order in which the NAR has them: each directory before what is in it. */
export type NarEntry = NarRegularEntry | NarDirectoryEntry | NarSymlinkEntry;
