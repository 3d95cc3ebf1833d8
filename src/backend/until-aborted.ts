/**
 * Waiting that a signal ends, also where what is waited for does not know of signals.
 *
 * @module
 */

const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Call `run` when the signal is aborted, until the function that is returned is called.
 *
 * A signal has one listener, however many wait for it: Node 20 warns of a leak at eleven.
 */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined || signal.aborted) return () => undefined;
  const waiting = callbacks.get(signal) ?? listen(signal);
  const entry = (): void => run();
  waiting.add(entry);
  return () => waiting.delete(entry);
}

function listen(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  callbacks.set(signal, waiting);
  signal.addEventListener('abort', () => {
    for (const run of waiting) run();
    waiting.clear();
  });
  return waiting;
}

/** What `promise` brings, or a rejection with the signal's reason as soon as it is aborted. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    const release = onAbort(signal, abort);
    promise.then(resolve, reject).finally(release);
  });
}
