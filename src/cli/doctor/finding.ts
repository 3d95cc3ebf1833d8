/**
 * What `narkit doctor` finds.
 *
 * @module
 */
import type { Environment } from '../../store/local-directories.ts';

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at: `config`, `key`, `destination`, `queue`, `gc-roots`, `nix`, `hook`. */
  readonly about: string;
  /** `ok`: as it should be. `warning`: it works, and may not stay so. `failed`: it does not work. */
  readonly state: 'ok' | 'warning' | 'failed';
  readonly message: string;
  /** What to do. */
  readonly advice?: string;
}

/** What all checks have around them. */
export interface CheckContext {
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** All is as it should be. */
export function ok(about: string, message: string): Finding {
  return { about, state: 'ok', message };
}

/** It works, and may not stay so. */
export function warning(about: string, message: string, advice?: string): Finding {
  return { about, state: 'warning', message, ...(advice !== undefined && { advice }) };
}

/** It does not work. */
export function failed(about: string, message: string, advice: string): Finding {
  return { about, state: 'failed', message, advice };
}
