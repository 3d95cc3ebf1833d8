/**
 * Content addresses: how a path's name follows from what is in it.
 *
 * @module
 */
import type { Hash } from './hash/hash.ts';

/** `text:…`, `fixed:…`, `fixed:r:…` or `fixed:git:…` of Nix (`src/libstore/content-address.cc`). */
export interface ContentAddress {
  readonly method: 'text' | 'flat' | 'nar' | 'git';
  readonly hash: Hash;
}
