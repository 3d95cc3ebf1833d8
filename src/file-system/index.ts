/**
 * NARs from the file system and to it.
 *
 * @module
 */
export { caseHackSuffix, usesCaseHackByDefault } from './case-hack.ts';
export { type DumpOptions, dumpPath } from './dump.ts';
export { FileSystemError, type FileSystemErrorCode } from './file-system-error.ts';
export { type HashPathOptions, hashPath, type NarDigest } from './hash-path.ts';
export { type RestoreOptions, restorePath } from './restore.ts';
