/**
 * How to verify a store.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { RepairSource } from './repair.ts';
import type { TrustPolicy } from './trust.ts';

/** Paths that are looked at side by side. */
export const pathConcurrency = 32;

/** What happens during a verification. */
export type VerifyEvent =
  /** So many paths there are to look at; not told where that is not known before. */
  | { readonly type: 'planned'; readonly paths: number }
  /** Bytes of NARs went by. */
  | { readonly type: 'progress'; readonly narBytes: number }
  /** A path is done. */
  | { readonly type: 'checked' };

/** What to look at, and what to do about it. */
export interface VerifyOptions extends AbortOptions, TrustPolicy {
  /** Read each NAR to its end; without it a cache's NARs are only looked for. Default `true`. */
  readonly contents?: boolean | undefined;
  /** Where a binary cache's broken paths are mended from, the first that can. */
  readonly repairFrom?: readonly RepairSource[] | undefined;
  /** Move the narinfo of what is corrupt, and could not be mended, into this folder of the cache: `quarantine/20261122T184632Z/`. */
  readonly quarantineFolder?: string | undefined;
  /** Told how far it is. */
  readonly onEvent?: ((event: VerifyEvent) => void) | undefined;
}
