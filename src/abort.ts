/**
 * Stopping what is under way.
 *
 * @module
 */
import { allowManyListeners } from '#abort-listeners';

/** Every method that waits takes a signal. */
export interface AbortOptions {
  /** Aborting it ends the call, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A signal that follows another one. */
export interface FollowingSignal {
  readonly signal: AbortSignal;
  /** Follow no longer. */
  release(): void;
}

/**
 * A signal for much work at the same time, which follows the caller's.
 *
 * The caller's has one listener then, whatever listens to this one, and none after `release`: Node warns of a leak at eleven.
 */
export function followSignal(signal: AbortSignal | undefined): FollowingSignal {
  const controller = new AbortController();
  allowManyListeners(controller.signal);
  const follow = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener('abort', follow, { once: true });
  return { signal: controller.signal, release: () => signal?.removeEventListener('abort', follow) };
}
