/**
 * Node warns of a leak at the eleventh listener of a signal.
 *
 * @module
 */
import { setMaxListeners } from 'node:events';

/** Let a signal have as many listeners as there is work under way. */
export function allowManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}
