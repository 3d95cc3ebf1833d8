/**
 * The journal: what the holder of the lock knows of the paths that wait, beyond that they wait.
 *
 * It is a hint. Lost, or cut short by a crash, it costs that a destination is asked again, and that a path gets all of its attempts
 * again; never a path.
 *
 * @module
 */
import type { StorePath } from '../store-path.ts';

/**
 * `waiting`: to be uploaded. `done`: the destination has it. `parked`: given up, until somebody asks for another try. `dropped`: somebody did
 * not want it. `gone`: the store has it no longer.
 */
export type Progress = 'waiting' | 'done' | 'parked' | 'dropped' | 'gone';

/** What is known of a path at a destination. */
export interface PathProgress {
  readonly path: StorePath;
  /** As {@link destinationName} calls it. */
  readonly destination: string;
  readonly progress: Progress;
  /** How often it failed for reasons of its own. */
  readonly attempts: number;
  /** When it is tried next, by the clock on the wall. */
  readonly nextAttemptMs?: number | undefined;
  readonly lastError?: { readonly code: string; readonly message: string } | undefined;
  /** Since when it is so. A record that is younger than this is not meant by `done`, `dropped` and `gone`. */
  readonly sinceMs: number;
}

/** What is known of all paths, in memory and in `journal.jsonl`. */
export interface Journal {
  /** `undefined`: it waits, and was never tried. */
  get(path: StorePath, destination: string): PathProgress | undefined;
  set(progress: PathProgress): void;
  /** Everything of a path, at one destination or at all. */
  forget(path: StorePath, destination?: string): void;
  entries(): Iterable<PathProgress>;
  /** Do as if nothing waited for a destination, or, without one, for any. */
  pause(destination?: string): void;
  resume(destination?: string): void;
  /** Is all paused, or this destination? */
  isPaused(destination?: string): boolean;
  /** Get what was set into the file. */
  flush(): Promise<void>;
  /** Rewrite the file to what is known now. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

/** How to open a journal. */
export interface OpenJournalOptions {
  /** Only look: for those who do not have the lock. */
  readonly readOnly?: boolean | undefined;
}

/** Open the journal of a spool. What cannot be read in it is left out. */
export async function openJournal(directory: string, options: OpenJournalOptions = {}): Promise<Journal> {
  throw new Error(`not yet: ${directory} ${options.readOnly}`);
}
