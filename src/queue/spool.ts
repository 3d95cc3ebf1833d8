/**
 * The spool: a directory of records, written by hooks, read by one worker.
 *
 * @module
 */
import type { QueueRecord } from './record.ts';

/** A directory of records. Any number of processes may add to it; what removes, sweeps or watches is the holder of the lock. */
export interface Spool {
  readonly directory: string;
  /** Oldest first, from the names alone. */
  listRecordIds(): Promise<string[]>;
  /**
   * A record; `undefined` when it is no longer there.
   *
   * @throws {@link QueueError} `record-damaged` when it cannot be read. It is moved to `damaged/`.
   */
  readRecord(id: string): Promise<QueueRecord | undefined>;
  /** Add a record and its roots; on disk for good when it returns. @returns its id. */
  addRecord(record: Omit<QueueRecord, 'id' | 'timeMs'>): Promise<string>;
  /** Remove a record, then its roots. */
  removeRecord(id: string): Promise<void>;
  /** Remove what dead processes left: unfinished records, roots without a record. Make the roots of records again. */
  sweep(): Promise<void>;
  /**
   * Call back when records or commands may have come. Where the directory cannot be watched, it is asked every few seconds.
   */
  watch(onChange: () => void): SpoolWatch;
}

/** A watch that is on until it is closed. */
export interface SpoolWatch {
  close(): void;
}

/** How to open a spool. */
export interface OpenSpoolOptions {
  /** Where roots for the garbage collector go, `false` for none. {@link defaultGcRootsDirectory} when absent. */
  readonly gcRootsDirectory?: string | false | undefined;
  /** Make the directory where there is none. */
  readonly create?: boolean | undefined;
}

/**
 * Open a spool.
 *
 * @throws {@link QueueError} `spool` when the directory is not there, or cannot be used.
 */
export async function openSpool(directory: string, options: OpenSpoolOptions = {}): Promise<Spool> {
  throw new Error(`not yet: ${directory} ${options.create}`);
}
