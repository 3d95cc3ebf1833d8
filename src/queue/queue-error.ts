/**
 * What goes wrong with the queue itself.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/**
 * `locked`: another worker has the spool. `record-damaged`: a record that cannot be read; it lies in `damaged/` now. `spool`: the
 * directory cannot be used.
 */
export type QueueErrorCode = 'locked' | 'record-damaged' | 'spool';

/** A spool, a record in it or its lock cannot be used. */
export class QueueError extends NarkitError {
  declare readonly code: QueueErrorCode;
  /** The file or directory. */
  readonly path: string;
  /** The process that has the lock, with `locked` and where it is known. */
  readonly processId: number | undefined;

  constructor(code: QueueErrorCode, path: string, message: string, options?: ErrorOptions & { processId?: number }) {
    super(code, message, options);
    this.path = path;
    this.processId = options?.processId;
  }
}
