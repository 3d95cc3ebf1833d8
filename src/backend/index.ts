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
export type { HttpCredentials } from './http/credentials.ts';
export { createHttpBackend, type HttpBackend, type HttpBackendOptions } from './http/http-backend.ts';
export { findNetrcEntry, type Netrc, type NetrcEntry, NetrcError, parseNetrc } from './http/netrc.ts';
export { createMemoryBackend } from './memory.ts';
export { checkRange, cutRange, formatRangeHeader } from './range.ts';
export {
  maximumRetryAfterMs,
  parseRetryAfter,
  parseRetrySettings,
  type RetrySettings,
  retryDelayMs,
  retrying,
  waitBeforeRetry,
} from './retry.ts';
