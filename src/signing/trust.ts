/**
 * Which path infos may be believed.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import { isContentAddressed } from '../store-path-from-content.ts';
import type { PublicKey } from './keys.ts';
import { verifySignature } from './sign.ts';

/**
 * Does a trusted key vouch for this path, or does the path itself, by following from its content address? (Nix:
 * `ValidPathInfo::checkSignatures` in `src/libstore/path-info.cc`.)
 *
 * @param info as the store gave it; a signature by another key, or one that does not fit, counts for nothing.
 * @example
 * ```ts
 * const publicKeys = [parsePublicKey('cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=')];
 * if (!isTrusted(info, publicKeys)) throw new Error('nobody vouches for it');
 * ```
 */
export function isTrusted(info: PathInfo, publicKeys: readonly PublicKey[], storeDir?: string): boolean {
  return (
    info.signatures.some((signature) => verifySignature(info, signature, publicKeys, storeDir)) ||
    isContentAddressed(info, storeDir)
  );
}
