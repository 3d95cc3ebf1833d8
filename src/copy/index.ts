/**
 * Copying between stores.
 *
 * @module
 */
export { type Closure, computeClosure } from './closure.ts';
export { type CopyOptions, copy } from './copy.ts';
export { copyBuildLog } from './copy-build-log.ts';
export { type ReferenceOrder, sortByReferences } from './order.ts';
export type { CopyEvent, CopyOutcome, CopyResult } from './outcome.ts';
