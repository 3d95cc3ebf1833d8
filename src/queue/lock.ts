/**
 * One worker on a spool.
 *
 * @module
 */

/** The right to work on a spool, until it is released or the process ends. */
export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Take the lock of a spool.
 *
 * @throws {@link QueueError} `locked` with the holder's process id, when another process has it.
 */
export async function acquireLock(directory: string): Promise<SpoolLock> {
  throw new Error(`not yet: ${directory}`);
}
