/**
 * What a failure means for the queue.
 *
 * @module
 */
import { BackendError } from '../../backend/index.ts';
import { isNarkitError } from '../../errors.ts';
import { StoreError } from '../../store/store-error.ts';

/**
 * | kind | means |
 * |---|---|
 * | `gone` | the store has the path no longer: nobody can upload it |
 * | `hopeless` | the path cannot succeed by waiting |
 * | `path` | the path failed, perhaps not the next time |
 * | `refused` | the destination lets nobody write: credentials, bucket, a full disk. Somebody must do something |
 * | `throttled` | the destination asks us to be slower |
 * | `unreachable` | the destination does not answer, or fails itself |
 * | `source` | the local store, or this machine, fails, whatever the path |
 */
export type FailureKind = 'gone' | 'hopeless' | 'path' | 'refused' | 'throttled' | 'unreachable' | 'source';

/** Who threw an error. */
export type FailureOrigin = 'source' | 'destination';

/** Codes that mean the same whoever throws them. */
const kinds: Readonly<Record<string, FailureKind>> = {
  'nar-mismatch': 'hopeless',
  'reference-cycle': 'hopeless',
  'path-untrusted': 'hopeless',
  'path-foreign': 'hopeless',
  'nar-write': 'hopeless',
  'file-type': 'hopeless',
  'file-too-deep': 'hopeless',
  'spool-failed': 'source',
};

/** Codes of destinations. What is not here failed for the path alone. */
const destinationKinds: Readonly<Record<string, FailureKind>> = {
  'backend-denied': 'refused',
  'backend-full': 'refused',
  'backend-read-only': 'refused',
  'backend-io': 'unreachable',
  'object-too-large': 'hopeless',
  narinfo: 'hopeless',
  'narinfo-mismatch': 'hopeless',
  setting: 'refused',
  'store-uri': 'refused',
  'key-file': 'refused',
  'store-dir-mismatch': 'refused',
  'store-read-only': 'refused',
  'store-unwritable': 'refused',
  'daemon-version': 'refused',
  'daemon-unreachable': 'unreachable',
  'daemon-disconnected': 'unreachable',
  'daemon-silent': 'unreachable',
};

/** Statuses that say that the URL is none to upload to. */
const wrongPlace = new Set([301, 302, 307, 308, 404, 405, 409, 410]);

/** What to make of an error. */
export function classifyFailure(
  error: unknown,
  originOf: (error: unknown) => FailureOrigin = () => 'destination',
): FailureKind {
  if (!isNarkitError(error)) return originOf(error) === 'source' ? sourceKind(error) : 'path';
  const { code, cause } = error;
  if (code === 'reference-unavailable') {
    const kind = cause === undefined ? 'path' : classifyFailure(cause, originOf);
    // That a reference is gone while its referrer is there will not stay so.
    return kind === 'gone' ? 'path' : kind;
  }
  if (kinds[code] !== undefined) return kinds[code];
  if (originOf(error) === 'source') return sourceKind(error);
  return backendKind(error) ?? destinationKinds[code] ?? 'path';
}

function sourceKind(error: unknown): FailureKind {
  if (!(error instanceof StoreError)) return 'path';
  if (error.code === 'path-absent') return 'gone';
  return error.path === undefined ? 'source' : 'path';
}

function backendKind(error: Error): FailureKind | undefined {
  if (!(error instanceof BackendError)) return undefined;
  const { code, status = 0, retryable } = error;
  switch (code) {
    case 'backend-refused':
      if (status === 429 || status === 503) return 'throttled';
      if (retryable) return 'unreachable';
      if (status === 413) return 'hopeless';
      return wrongPlace.has(status) ? 'refused' : 'path';
    case 'backend-unreachable':
      // A certificate that is not good does not become so by asking again.
      return retryable ? 'unreachable' : 'refused';
    case 'backend-response':
      return retryable ? 'unreachable' : 'path';
    default:
      return undefined;
  }
}

/** How long the destination asked to be left alone, if it said so. */
export function retryAfterMs(error: unknown): number {
  if (error instanceof BackendError) return error.retryAfterMs ?? 0;
  return error instanceof Error && error.cause !== undefined ? retryAfterMs(error.cause) : 0;
}

/** An error as journal and status have it. */
export function describeError(error: Error): { readonly code: string; readonly message: string } {
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : error.name, message: error.message };
}
