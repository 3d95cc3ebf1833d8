/**
 * System calls that the page cache answers, made on the calling thread: the way to the thread pool takes twenty times as long.
 *
 * @module
 */

/** What takes longer waited for a disk or a server. */
const slowMs = 1;
/** After a slow call, so many go to the thread pool, where several wait at a time. */
const callsAfterSlow = 256;
/** The longest time that other work waits for many quick calls. */
const sliceMs = 10;

let slowCalls = 0;
let sliceEnd: number | undefined;

/** Make a call here while such calls are quick, else by the thread pool. */
export function quickly<T>(here: () => T, inPool: () => Promise<T>): T | Promise<T> {
  if (slowCalls > 0) {
    slowCalls--;
    return inPool();
  }
  const begun = performance.now();
  if (sliceEnd === undefined) {
    sliceEnd = begun + sliceMs;
    setImmediate(() => {
      sliceEnd = undefined;
    });
  }
  if (begun > sliceEnd) return inPool();
  try {
    return here();
  } finally {
    if (performance.now() - begun > slowMs) slowCalls = callsAfterSlow;
  }
}
