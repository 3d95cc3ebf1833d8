import { describe, expect, it } from 'vitest';
import { BackendError, type BackendErrorCode } from '../../../src/backend/index.ts';
import { NarkitError } from '../../../src/errors.ts';
import { FileSystemError } from '../../../src/file-system/file-system-error.ts';
import { classifyFailure, type FailureKind, retryAfterMs } from '../../../src/queue/worker/failure.ts';
import { NarMismatchError, StoreError } from '../../../src/store/index.ts';

const backend = (code: BackendErrorCode, status?: number, retryable = false): BackendError =>
  new BackendError(code, 'no', { uri: 's3://cache', status, retryable, retryAfterMs: 7000 });
const store = (code: string, path?: string): StoreError => new StoreError(code, 'no', { uri: 'daemon', path });
const mismatch = new NarMismatchError(
  '/nix/store/x',
  'file:///',
  { narHash: 'a', narSize: 1 },
  { narHash: 'b', narSize: 2 },
);

describe('what a failure means', () => {
  it.each<[FailureKind, Error]>([
    ['refused', backend('backend-denied', 403)],
    ['refused', backend('backend-full', 507)],
    ['refused', backend('backend-read-only', 405)],
    ['refused', backend('backend-refused', 404)],
    ['refused', backend('backend-unreachable')],
    ['refused', store('store-dir-mismatch')],
    ['throttled', backend('backend-refused', 503, true)],
    ['throttled', backend('backend-refused', 429, true)],
    ['unreachable', backend('backend-refused', 500, true)],
    ['unreachable', backend('backend-unreachable', undefined, true)],
    ['unreachable', backend('backend-io')],
    ['unreachable', store('daemon-silent')],
    ['hopeless', backend('backend-refused', 413)],
    ['hopeless', mismatch],
    ['hopeless', store('narinfo-mismatch')],
    ['hopeless', new NarkitError('reference-cycle', 'no')],
    ['path', backend('backend-refused', 400)],
    ['path', backend('content-size')],
    ['path', store('daemon-refused')],
    ['path', new TypeError('a bug')],
  ])('%s at a destination: %o', (kind, error) => {
    expect(classifyFailure(error)).toBe(kind);
  });

  it.each<[FailureKind, Error]>([
    ['gone', store('path-absent', '/nix/store/x')],
    ['path', store('path-info', '/nix/store/x')],
    ['path', new FileSystemError('file-unreadable', 'no', '/nix/store/x')],
    ['hopeless', new FileSystemError('file-type', 'a socket', '/nix/store/x')],
    ['hopeless', mismatch],
    ['source', store('daemon-unreachable')],
    ['source', store('database-locked')],
  ])('%s at the source: %o', (kind, error) => {
    expect(classifyFailure(error, () => 'source')).toBe(kind);
  });

  it('is for a referrer what it is for its reference, but that is not gone', () => {
    const asCause = (cause: Error | undefined): FailureKind =>
      classifyFailure(new NarkitError('reference-unavailable', 'no', { cause }), () => 'source');
    expect(asCause(mismatch)).toBe('hopeless');
    expect(asCause(store('path-absent', '/nix/store/x'))).toBe('path');
    expect(asCause(store('daemon-silent'))).toBe('source');
    expect(asCause(undefined)).toBe('path');
    expect(
      retryAfterMs(new NarkitError('reference-unavailable', 'no', { cause: backend('backend-refused', 503) })),
    ).toBe(7000);
  });
});
