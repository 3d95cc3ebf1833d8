/**
 * Where the real peers lie.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `test/peers/install.sh` puts them for a run of CI, unless told otherwise. */
export function usePeers(): void {
  const usual = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'narkit-peers');
  if (!process.env.NARKIT_PEERS && existsSync(usual)) process.env.NARKIT_PEERS = usual;
}
