/**
 * The post-build hook, as functions.
 *
 * @module
 */
export { findBuiltPaths, type HookEnvironment } from './built-paths.ts';
export { type HookContext, runHook } from './run-hook.cts';
export { type Built, type UploadOptions, uploadBuilt } from './upload.ts';
