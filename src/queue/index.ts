/**
 * The durable queue between the hook and the worker.
 *
 * @module
 */
export { defaultGcRootsDirectory } from './gc-roots.ts';
export { acquireLock, type SpoolLock } from './lock.ts';
export { QueueError, type QueueErrorCode } from './queue-error.ts';
export { parseRecordId, type QueueRecord, type RecordId } from './record.ts';
export { type OpenSpoolOptions, openSpool, type Spool, type SpoolWatch } from './spool.ts';
