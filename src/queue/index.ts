/**
 * The durable queue between the hook and the worker.
 *
 * @module
 */
export {
  type AppliedCommand,
  applyCommands,
  type QueueCommand,
  writeCommand,
} from './commands.ts';
export { destinationName } from './destination-name.ts';
export { defaultGcRootsDirectory } from './gc-roots.cts';
export { type Journal, type OpenJournalOptions, openJournal, type PathProgress, type Progress } from './journal.ts';
export { acquireLock, findLockHolder, type LockHolder, type SpoolLock } from './lock.ts';
export { createQueueMetrics, type QueueMetrics } from './metrics.ts';
export { type MetricsServer, type MetricsSource, serveMetrics } from './metrics-server.ts';
export { QueueError, type QueueErrorCode } from './queue-error.ts';
export { type DestinationProgress, isParked, isWaiting, type QueuedPath, readQueuedPaths } from './queued-path.ts';
export { type ReconcileOptions, type ReconcileResult, reconcile } from './reconcile.ts';
export { maximumRecordPaths, parseRecordId, type QueueRecord, type RecordId } from './record.ts';
export { type SendCommandOptions, type SentCommand, sendCommand } from './send-command.ts';
export {
  createServiceNotifier,
  type ServiceNotifier,
  type ServiceNotifierOptions,
} from './service-notify.ts';
export { type OpenSpoolOptions, openSpool, type Spool, type SpoolWatch, type SweepOptions } from './spool.ts';
export { type DestinationStatus, type QueueStatus, readQueueStatus } from './status.ts';
export { type WaitOptions, type WaitResult, waitForQueue } from './wait.ts';
export { runWorker, type WorkerOptions, type WorkerResult } from './worker/run-worker.ts';
export type { DestinationState, WorkerEvent } from './worker/worker-event.ts';
export { type WorkerStatus, workerStatusFile } from './worker/worker-status.ts';
