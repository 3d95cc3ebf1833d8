/**
 * What became of each path of a copy, and what happens on the way.
 *
 * @module
 */
import type { Hash } from '../hash/index.ts';
import type { PathInfo } from '../path-info.ts';
import type { StorePath } from '../store-path.ts';

/** What became of one path. */
export interface CopyOutcome {
  readonly path: StorePath;
  /**
   * `copied`: it was not there and is now. `present`: it was there. `skipped`: a key of `skipSignedBy` signed it. `failed`: `error` says why.
   */
  readonly outcome: 'copied' | 'present' | 'skipped' | 'failed';
  /** Absent when the source knows nothing of the path. */
  readonly narHash?: Hash;
  readonly narSize?: number;
  /** Where the NAR lies in the cache, of what was copied. */
  readonly url?: string;
  readonly fileHash?: Hash;
  readonly fileSize?: number;
  readonly error?: Error;
}

/** What happens during a copy. */
export type CopyEvent =
  /** The closure is known: so much is to be copied. */
  | { readonly type: 'planned'; readonly paths: number; readonly narBytes: number }
  /** NAR bytes of a path went by. */
  | { readonly type: 'progress'; readonly path: StorePath; readonly narBytes: number }
  /** A path is done. */
  | { readonly type: 'outcome'; readonly outcome: CopyOutcome }
  /** Something that a person should know and that fails nothing. */
  | { readonly type: 'warning'; readonly path: StorePath; readonly message: string };

/** Where the stages of a copy say what happens. */
export interface Report {
  /** Why a path failed, if it did. */
  errorOf(path: StorePath): Error | undefined;
  finish(outcome: CopyOutcome): void;
  event(event: CopyEvent): void;
}

/** What became of all paths. */
export interface CopyResult {
  readonly outcomes: readonly CopyOutcome[];
  readonly copied: number;
  readonly present: number;
  readonly skipped: number;
  readonly failed: number;
  /** NAR bytes of what was copied. */
  readonly narBytes: number;
}

/** The fields of an outcome that come from the path info. */
export function describePathInfo(info: PathInfo): { path: StorePath; narHash: Hash; narSize: number } {
  return { path: info.path, narHash: info.narHash, narSize: info.narSize };
}

/** Count the outcomes. */
export function summarize(outcomes: readonly CopyOutcome[]): CopyResult {
  const count = (kind: CopyOutcome['outcome']): number => outcomes.filter(({ outcome }) => outcome === kind).length;
  return {
    outcomes,
    copied: count('copied'),
    present: count('present'),
    skipped: count('skipped'),
    failed: count('failed'),
    narBytes: outcomes.reduce((sum, { outcome, narSize }) => sum + (outcome === 'copied' ? (narSize ?? 0) : 0), 0),
  };
}
