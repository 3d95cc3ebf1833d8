/**
 * Node's thread pool.
 *
 * @module
 */
import { availableParallelism } from 'node:os';

/**
 * How many long jobs to have in the pool at once: one a core, and a thread left to file system calls and whatever else waits
 * for the pool.
 */
export function threadPoolParallelism(): number {
  const configured = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '', 10);
  const threads = configured > 0 ? configured : 4;
  return Math.max(1, Math.min(availableParallelism(), threads - 1));
}
