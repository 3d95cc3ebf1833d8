/**
 * What a store knows of one store path.
 *
 * @module
 */
import type { ContentAddress } from './content-address.ts';
import type { Hash } from './hash/hash.ts';
import type { StorePath } from './store-path.ts';

/**
 * What a store knows of one store path (Nix `ValidPathInfo`, `src/libstore/path-info.hh`).
 *
 * Signatures cover `path`, `narHash`, `narSize` and `references`; nothing signs `deriver`, `contentAddress`,
 * `registrationTime` and `ultimate`.
 */
export interface PathInfo {
  readonly path: StorePath;
  /** sha256 of the NAR. */
  readonly narHash: Hash;
  /** Bytes of the NAR. */
  readonly narSize: number;
  /** In byte order, without duplicates; the path itself may be among them. */
  readonly references: readonly StorePath[];
  readonly deriver?: StorePath;
  /** Each `<key name>:<base64>`, in the order in which Nix keeps them (key name, then raw bytes). */
  readonly signatures: readonly string[];
  readonly contentAddress?: ContentAddress;
  /** Seconds since 1970; a binary cache does not know it. */
  readonly registrationTime?: number;
  /** Built here rather than fetched, as the local Nix recorded it. */
  readonly ultimate?: boolean;
}
