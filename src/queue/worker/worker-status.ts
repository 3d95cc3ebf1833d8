/**
 * `status.json`: what a running worker lets others know, at most twice a second.
 *
 * @module
 */
import type { DestinationState } from './worker-event.ts';

/** The file in the spool. */
export const workerStatusFile = 'status.json';

/** What is in the file. */
export interface WorkerStatus {
  readonly version: 1;
  readonly processId: number;
  /** When it was written. */
  readonly timeMs: number;
  /** Paths that are on their way, each once, however many destinations it goes to. */
  readonly active: number;
  readonly destinations: readonly {
    readonly uri: string;
    readonly state: DestinationState;
    readonly active: number;
    readonly lastError?: { readonly code: string; readonly message: string } | undefined;
  }[];
}
