/**
 * What an HTTP status means for a binary cache.
 *
 * | status | means |
 * |---|---|
 * | 200 201 204 206 | done |
 * | 404 410 | absent |
 * | 403 | absent when reading, as a bucket that may not be listed says it of what is not there; but not of `nix-cache-info` |
 * | 401 407, and 403 when writing | denied |
 * | 408 429, 5xx but for 501 505 511 | failed, to be tried again |
 * | 400 403 with one of S3's codes for overload or an expired request | the same |
 * | all else | refused |
 *
 * Rules: Nix `src/libstore/filetransfer.cc`, `http-binary-cache-store.cc`.
 *
 * @module
 */
import { BackendError, type BackendErrorCode } from '../backend.ts';
import { parseRetryAfter } from '../retry.ts';

/** The methods that a binary cache knows. */
export type HttpMethod = 'GET' | 'HEAD' | 'PUT' | 'DELETE';

/** An answer that is no success, and what was asked. */
export interface Refusal {
  readonly method: HttpMethod;
  /** The key or reference that was asked for. */
  readonly key: string;
  /** The backend's URI, and the URL that answered: without secrets. */
  readonly uri: string;
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** The beginning of the body. */
  readonly text: string;
}

/** Does the status say that it is done? */
export function saysDone(status: number): boolean {
  return status === 200 || status === 201 || status === 204 || status === 206;
}

/** Does the status say that there is no such object? */
export function saysAbsent(method: HttpMethod, key: string, status: number, s3Code?: string): boolean {
  if (status === 404 || status === 410) return method !== 'PUT';
  const reads = method === 'GET' || method === 'HEAD';
  return status === 403 && reads && key !== 'nix-cache-info' && !transientS3Codes.has(s3Code ?? '');
}

/** S3's name for what went wrong, where a body has one. */
export function s3CodeOf(text: string): string | undefined {
  return /<Error>.*?<Code>([A-Za-z]{1,64})<\/Code>/s.exec(text)?.[1];
}

/** The error for an answer that says neither done nor absent. */
export function statusError(refusal: Refusal): BackendError {
  const { method, key, uri, url, status, headers, text } = refusal;
  const s3Code = s3CodeOf(text);
  const { code, advice } = meaningOf(method, status);
  const answer = s3Code === undefined ? `${status}` : `${status} (${s3Code})`;
  return new BackendError(code, `${method} ${url}: the server answers ${answer}: ${advice}`, {
    uri,
    key,
    status,
    retryable: saysTryAgain(status, s3Code),
    retryAfterMs: parseRetryAfter(headers.get('retry-after')),
  });
}

const transientS3Codes = new Set([
  'IncompleteBody',
  'InternalError',
  'InternalFailure',
  'InternalServerError',
  'RequestExpired',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'RequestThrottled',
  'SlowDown',
  'ServiceUnavailable',
  'Throttling',
  'ThrottledException',
]);

function saysTryAgain(status: number, s3Code: string | undefined): boolean {
  if (s3Code !== undefined && transientS3Codes.has(s3Code)) return true;
  if (status === 408 || status === 429) return true;
  return status >= 500 && status !== 501 && status !== 505 && status !== 511;
}

function meaningOf(method: HttpMethod, status: number): { readonly code: BackendErrorCode; readonly advice: string } {
  const writes = method === 'PUT' || method === 'DELETE';
  if (status === 401 || status === 407)
    return { code: 'backend-denied', advice: 'it wants a login, or does not know the one that it got' };
  if (status === 403) return { code: 'backend-denied', advice: 'what was asked is forbidden' };
  if (status === 404 || status === 410 || status === 409)
    return { code: 'backend-refused', advice: 'there is no place for it at this URL' };
  if (writes && (status === 405 || status === 501))
    return { code: 'backend-read-only', advice: `it takes no ${method}: is this URL meant for uploading?` };
  if (status === 413) return { code: 'backend-refused', advice: 'the file is larger than it takes' };
  if (status === 507) return { code: 'backend-full', advice: 'it has no space left' };
  if (status === 429 || status === 503) return { code: 'backend-refused', advice: 'it has too much to do' };
  if (status === 408) return { code: 'backend-unreachable', advice: 'it waited too long' };
  if (status >= 500) return { code: 'backend-refused', advice: 'it failed' };
  if (status >= 400) return { code: 'backend-refused', advice: 'it does not take the request' };
  return { code: 'backend-response', advice: `which is no answer to ${method}` };
}
