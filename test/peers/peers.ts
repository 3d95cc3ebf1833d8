/**
 * The real peers that suites run against, and where they lie.
 *
 * ```ts
 * describeNix('dump', (nix) => { test('equals nix-store --dump', ...) }); // once for each generation
 * describePeer(['nix-2.34', 's3'], 'a bucket', () => { ... });            // where both are
 * ```
 *
 * `NARKIT_PEERS` names a folder that `test/peers/install.sh` filled: `nix-2.8`, `nix-2.26`, `nix-2.34`, `s3`, `nginx`,
 * `strace`, `systemd`, `promtool`, `chromium`, `node24`, `deno`, `bun` and
 * `workerd`; nginx and strace may also be the host's own. `NARKIT_VECTORS` names
 * a folder with other implementations' test data.
 * Where something is missing, its suites skip, and the run says so once (see `notice.ts`); with `CI=true` they fail, but for
 * the vectors where none are named.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

/** The generations of Nix that narkit promises to agree with, oldest first. */
export const nixVersions = ['2.8', '2.26', '2.34'] as const;

export type NixVersion = (typeof nixVersions)[number];

/** A real Nix. `test/peers/nix-place.ts` gives it a store to work in. */
export interface Nix {
  readonly version: NixVersion;
  /** The folder of `nix`, `nix-store`, `nix-build`, `nix-daemon`, … */
  readonly bin: string;
}

/** What a suite may need; `root` is the right to mount and to change roots. */
export const peerNames = [
  'nix-2.8',
  'nix-2.26',
  'nix-2.34',
  's3',
  'nginx',
  'strace',
  'systemd',
  'promtool',
  'chromium',
  'node24',
  'deno',
  'bun',
  'workerd',
  'vectors',
  'root',
] as const;

export type PeerName = (typeof peerNames)[number];

/** A real Nix of this generation, if there is one. */
export function nix(version: NixVersion): Nix | undefined {
  const folder = findPeer(`nix-${version}`);
  return folder === undefined ? undefined : { version, bin: join(folder, 'bin') };
}

/**
 * Where a peer lies, if it is there: the folder of a Nix, of the S3 server and of systemd (which hold `root`), of Chromium (which
 * holds `fonts.conf`) or of the vectors; the program of the others.
 */
export function findPeer(name: PeerName): string | undefined {
  const peers = process.env.NARKIT_PEERS;
  const folder = peers === undefined || peers === '' ? undefined : join(peers, name);
  switch (name) {
    case 'vectors':
      return existing(process.env.NARKIT_VECTORS);
    case 's3':
      // Swift runs in a chroot.
      return findPeer('root') !== undefined && existing(folder, 'root') !== undefined ? folder : undefined;
    case 'root':
      return process.getuid?.() === 0 ? '/' : undefined;
    case 'nginx':
    case 'strace':
      return existing(folder, 'bin', name) ?? onPath(name);
    case 'node24':
      return existing(folder, 'bin', 'node');
    case 'promtool':
    case 'deno':
    case 'bun':
    case 'workerd':
      return existing(folder, 'bin', name);
    case 'systemd':
      return existing(folder, 'bin', 'systemd-analyze') === undefined ? undefined : folder;
    case 'chromium':
      return existing(folder, 'bin', 'chromium') === undefined ? undefined : folder;
    default:
      return existing(folder, 'bin', 'nix') === undefined ? undefined : folder;
  }
}

/** Like {@link findPeer}, for the body of a suite that {@link describePeer} guards. */
export function needPeer(name: PeerName): string {
  const found = findPeer(name);
  if (found === undefined) throw new Error(whyMissing(name));
  return found;
}

/** A suite that needs real peers: skipped where one is missing, failed there in CI. `body` is read only where all are. */
export function describePeer(needed: PeerName | readonly PeerName[], title: string, body: () => void): void {
  const names: readonly PeerName[] = typeof needed === 'string' ? [needed] : needed;
  const missing = names.filter((name) => findPeer(name) === undefined);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  describe(title, () => {
    test.skipIf(!missing.some(mustBeThere))(`needs ${missing.join(', ')}`, () => {
      throw new Error(missing.map(whyMissing).join('\n'));
    });
  });
}

/** One suite for each generation of Nix, perhaps with other peers besides. */
export function describeNix(title: string, body: (nix: Nix) => void, besides: readonly PeerName[] = []): void {
  for (const version of nixVersions) {
    describePeer([`nix-${version}`, ...besides], `${title}: Nix ${version}`, () => body(nix(version)!));
  }
}

/**
 * Is it a failure that this is missing? In CI it is, but for the vectors, which the project does not have itself: they must be
 * there only where a folder is named.
 */
export function mustBeThere(name: PeerName): boolean {
  return process.env.CI === 'true' && (name !== 'vectors' || Boolean(process.env.NARKIT_VECTORS));
}

/** What a person does about a missing peer. */
export function whyMissing(name: PeerName): string {
  if (name === 'vectors') return 'NARKIT_VECTORS names no folder with test data of other implementations';
  if (name === 'root' || (name === 's3' && findPeer('root') === undefined)) return 'this user is not root';
  const { NARKIT_PEERS: peers } = process.env;
  const install = 'test/peers/install.sh DIR installs the peers';
  return peers === undefined ? `NARKIT_PEERS is not set: ${install}` : `${peers} holds no ${name}: ${install}`;
}

function existing(first: string | undefined, ...rest: string[]): string | undefined {
  if (first === undefined || first === '') return undefined;
  const path = join(first, ...rest);
  return existsSync(path) ? path : undefined;
}

function onPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin'];
  return folders.map((folder) => existing(folder, program)).find((path) => path !== undefined);
}
