/**
 * What the worker says of what it does.
 *
 * @module
 */
import type { StorePath } from '../../store-path.ts';

/**
 * `ready`: takes paths. `paused`: does not let us, as with wrong credentials, or somebody paused it. `unreachable`: does not answer.
 * `throttled`: asked us to be slower.
 */
export type DestinationState = 'ready' | 'paused' | 'unreachable' | 'throttled';

/** Something that happened in the worker. Destinations are called as {@link destinationName} does. */
export type WorkerEvent =
  /** So many records wait. */
  | { readonly type: 'started'; readonly records: number }
  /** A path came while the worker ran. */
  | { readonly type: 'queued'; readonly path: StorePath; readonly tag?: string | undefined }
  | { readonly type: 'uploading'; readonly path: StorePath; readonly destination: string }
  /** The destination has it: we put it there, or it was there. */
  | {
      readonly type: 'uploaded' | 'present';
      readonly path: StorePath;
      readonly destination: string;
      /** 0 where nobody had to ask. */
      readonly narSize: number;
      readonly durationMs: number;
    }
  /** It failed for a reason of its own, and is tried again after this delay. */
  | {
      readonly type: 'retry';
      readonly path: StorePath;
      readonly destination: string;
      readonly attempts: number;
      readonly delayMs: number;
      readonly error: Error;
    }
  | { readonly type: 'parked'; readonly path: StorePath; readonly destination: string; readonly error: Error }
  /** The store has it no longer: nobody can upload it. */
  | { readonly type: 'gone'; readonly path: StorePath }
  | {
      readonly type: 'destination';
      readonly destination: string;
      readonly state: DestinationState;
      readonly error?: Error | undefined;
      /** When it is tried again; absent where somebody paused it. */
      readonly retryMs?: number | undefined;
    }
  /** A record that cannot be read, put aside. */
  | { readonly type: 'damaged'; readonly record: string; readonly error: Error }
  /** What a person should know, and that keeps nothing from being uploaded. */
  | { readonly type: 'warning'; readonly message: string }
  /** Nothing is under way, and nothing is due. */
  | { readonly type: 'idle' }
  | { readonly type: 'stopping' }
  | { readonly type: 'stopped' };
