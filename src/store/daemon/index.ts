/**
 * The store of the local Nix behind its daemon.
 *
 * @module
 */
export { DaemonRefusedError } from './daemon-error.ts';
export { type DaemonStore, type DaemonStoreOptions, defaultDaemonSocketPath, openDaemonStore } from './daemon-store.ts';
export type { DaemonMessage } from './messages.ts';
export type { DaemonInfo } from './wire-values.ts';
