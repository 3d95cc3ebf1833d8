/**
 * Noticing that a transfer stands still, or moves so slowly that it does not matter.
 *
 * As Nix's `stalled-download-timeout` (libcurl's low speed limit, which Nix sets to 1 byte a second): time counts only while the
 * network is what is waited for, not while the one who reads or who gives the bytes takes time.
 *
 * @module
 */

/** A watch over one transfer. */
export interface StallWatch {
  /** From now on the network is what is waited for. */
  wait(): void;
  /** From now on it is not. */
  pause(): void;
  /** So many bytes went over. */
  progress(bytes: number): void;
  /** What was waited for is there, and another thing is waited for from now on: time and bytes begin anew. */
  restart(): void;
  /** No more watching. */
  stop(): void;
}

/**
 * Call `onStall` once the network was waited for `timeoutMs` in all, and fewer bytes than `bytesPerSecond` asks for went over in
 * that time.
 */
export function createStallWatch(timeoutMs: number, bytesPerSecond: number, onStall: () => void): StallWatch {
  let waitedMs = 0;
  let waitingSince: number | undefined;
  let bytes = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const pause = (): void => {
    if (waitingSince !== undefined) waitedMs += performance.now() - waitingSince;
    waitingSince = undefined;
  };
  const wait = (): void => {
    waitingSince ??= performance.now();
    if (timer !== undefined) return;
    timer = setTimeout(check, Math.max(1, timeoutMs - waitedMs));
    // Where timers keep the process running (Node), this one does not: the connection does.
    (timer as { unref?: () => void }).unref?.();
  };
  const check = (): void => {
    timer = undefined;
    const waiting = waitingSince !== undefined;
    pause();
    if (waitedMs >= timeoutMs) {
      if (bytes < (timeoutMs / 1000) * bytesPerSecond) {
        onStall();
        return;
      }
      waitedMs = 0;
      bytes = 0;
    }
    if (waiting) wait();
  };

  return {
    wait,
    pause,
    progress(count) {
      bytes += count;
    },
    restart() {
      waitedMs = 0;
      bytes = 0;
      if (waitingSince !== undefined) waitingSince = performance.now();
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
      waitingSince = undefined;
    },
  };
}
