/**
 * A binary cache in a directory.
 *
 * @module
 */
export { type ClearTemporaryFilesOptions, clearTemporaryFiles } from './clear-temporary-files.ts';
export { createFilesystemBackend, type FilesystemBackend } from './filesystem-backend.ts';
