/**
 * The index of separate debug info by build id, as `index-debug-info` of Nix writes it
 * (`src/libstore/binary-cache-store.cc`, `addToStoreCommon`).
 *
 * @module
 */

/** A debug file of a NAR. */
export interface DebugInfoFile {
  /** `debuginfo/<40 hexadecimal digits>.debug` */
  readonly key: string;
  /** The path within the NAR, without a leading slash. */
  readonly member: string;
}

const debugFilePattern = /^lib\/debug\/\.build-id\/([0-9a-f]{2})\/([0-9a-f]{38}\.debug)$/;

/** The index entry for a regular file of a NAR, if its path is that of a debug file. */
export function debugInfoFileOf(path: string): DebugInfoFile | undefined {
  const match = debugFilePattern.exec(path);
  return match === null ? undefined : { key: `debuginfo/${match[1]}${match[2]}`, member: path };
}

/** What lies under the key: where a debugger finds the file. */
export function formatDebugInfoLink(narUrl: string, member: string): string {
  return JSON.stringify({ archive: `../${narUrl}`, member });
}
