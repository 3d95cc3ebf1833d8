/**
 * The worker: takes what lies in the spool to each destination.
 *
 * @module
 */
import type { NarkitConfig } from '../../config/index.ts';
import type { Spool } from '../spool.ts';
import type { WorkerEvent } from './worker-event.ts';

/** What a worker works with. */
export interface WorkerOptions {
  readonly config: NarkitConfig;
  /** Its lock is the caller's to hold. */
  readonly spool: Spool;
  /** End when nothing is left that waits, but for what is parked. */
  readonly once?: boolean | undefined;
  /** Aborting it ends the worker cleanly, within `shutdown-timeout`: no error. */
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

/** What a worker did, in paths and destinations: a path that went to two counts twice. */
export interface WorkerResult {
  readonly uploaded: number;
  readonly parked: number;
  readonly waiting: number;
}

/** Work until the signal is aborted, or with `once` until nothing waits. */
export async function runWorker(options: WorkerOptions): Promise<WorkerResult> {
  throw new Error(`not yet: ${options.spool.directory}`);
}
