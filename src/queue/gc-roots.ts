/**
 * Roots for the garbage collector: what waits must not be collected.
 *
 * @module
 */
import { join } from 'node:path';

/** Where the roots of what waits lie: in the state directory of the local Nix, which `NIX_STATE_DIR` may name. */
export function defaultGcRootsDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.NIX_STATE_DIR || '/nix/var/nix', 'gcroots', 'narkit');
}
