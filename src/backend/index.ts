/**
 * Where a binary cache's files lie: the Backend interface, backends in memory and over HTTP, and what backends are made of.
 *
 * @module
 */
export {
  type Backend,
  type BackendEntry,
  BackendError,
  type BackendErrorCode,
  type BackendObject,
  type ByteRange,
  type Content,
  checkKey,
  isKey,
  type PutOptions,
  type StagedObject,
} from './backend.ts';
export { type ContentReading, contentOfBytes, readContent } from './content.ts';
export { createMemoryBackend } from './memory.ts';
export { checkRange, cutRange, formatRangeHeader } from './range.ts';
export {
  maximumRetryAfterMs,
  parseRetryAfter,
  parseRetrySettings,
  type RetrySettings,
  retryDelayMs,
  retrying,
} from './retry.ts';
