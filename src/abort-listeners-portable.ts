/**
 * Other runtimes do not count the listeners of a signal.
 *
 * @module
 */

/** Let a signal have as many listeners as there is work under way. */
export function allowManyListeners(_signal: AbortSignal): void {}
