/**
 * What the operating system says, in the words of someone who can mend it.
 *
 * @module
 */
import { BackendError, type BackendErrorCode } from '../backend.ts';

/** What was at stake when a system call failed. */
export interface FilesystemPlace {
  readonly uri: string;
  readonly key?: string | undefined;
  /** The file or directory. */
  readonly path: string;
  readonly doing: 'read' | 'write' | 'delete' | 'list' | 'clear';
}

interface Meaning {
  readonly code: BackendErrorCode;
  readonly meaning: string;
  readonly retryable?: true;
}

const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: { code: 'backend-full', meaning: 'no space is left on the device: make room there', retryable: true },
  EDQUOT: { code: 'backend-full', meaning: `the user's disk quota is used up: make room there`, retryable: true },
  EROFS: { code: 'backend-read-only', meaning: 'it is on a read-only file system: mount that writable' },
  EACCES: { code: 'backend-denied', meaning: `this user lacks permission: change the directory's owner or mode` },
  EPERM: { code: 'backend-denied', meaning: `this user lacks permission: change the directory's owner or mode` },
  ENOTDIR: { code: 'backend-io', meaning: 'something above it is not a directory' },
  EEXIST: { code: 'backend-io', meaning: 'something above it is not a directory' },
  ENOENT: { code: 'backend-io', meaning: 'a directory above it is missing' },
  EISDIR: { code: 'backend-io', meaning: 'it is a directory, not a file' },
  ENOTEMPTY: { code: 'backend-io', meaning: 'it is a directory, not a file' },
  ENAMETOOLONG: { code: 'backend-io', meaning: 'the name is longer than the file system takes' },
  ELOOP: { code: 'backend-io', meaning: 'its symbolic links lead in a circle' },
  EXDEV: { code: 'backend-io', meaning: `it is on another file system than the directory 'nar' beside it` },
  EMFILE: { code: 'backend-io', meaning: 'this process has too many files open: raise its limit', retryable: true },
  ENFILE: { code: 'backend-io', meaning: 'the system has too many files open', retryable: true },
};

/** The error of a system call as a {@link BackendError} that names the path; any other error as it is. */
export function filesystemError(error: unknown, { uri, key, path, doing }: FilesystemPlace): unknown {
  const systemCode = systemCodeOf(error);
  if (systemCode === undefined) return error;
  const { code, meaning, retryable = false } = meanings[systemCode] ?? { code: 'backend-io', meaning: 'it failed' };
  return new BackendError(code, `cannot ${doing} '${path}': ${meaning} (${systemCode})`, {
    uri,
    key,
    retryable,
    cause: error,
  });
}

/** `ENOENT` and its like; `undefined` for what is no error of a system call. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Does the error say that there is no such file? A name that cannot exist does not exist. */
export function saysAbsent(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
}
