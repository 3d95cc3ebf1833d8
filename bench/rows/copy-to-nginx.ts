/**
 * `copy --to http://`: nginx, 20 ms away.
 *
 * @module
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startNginx } from '../../test/peers/nginx.ts';
import { findPeer, whyMissing } from '../../test/peers/peers.ts';
import { type Fixtures, manyPaths, whyNoNix } from '../fixtures/store.ts';
import type { OpenRow, Peer, Row } from '../row.ts';
import { putAtDistance } from './distant.ts';
import { expectPaths } from './expect-paths.ts';

const roundTripMs = 20;
const missing = (): string | undefined => (findPeer('nginx') === undefined ? whyMissing('nginx') : undefined);

export const copyToNginxRows: readonly Row[] = [
  {
    name: 'copy to nginx 20 ms away, zstd, 500 paths',
    meaning: 'How long a closure of many small paths takes to a cache over the network.',
    rounds: 3,
    isLong: true,
    missing,
    open: openEmpty,
  },
  {
    name: 'copy to nginx 20 ms away, 500 paths, all present',
    meaning: 'What it costs to find out that there is nothing to do.',
    missing,
    open: openFull,
  },
];

async function openEmpty(fixtures: Fixtures): Promise<OpenRow> {
  const server = await startServer(fixtures);
  return {
    narkit: byNarkit(fixtures, server.url),
    peers: [
      {
        name: 'nix copy',
        missing: whyNoNix('2.34'),
        atMost: 0.5,
        command: byNix(fixtures, server.url, '2.34'),
      },
    ],
    async afterRun() {
      await expectPaths(server.root, manyPaths);
      await rm(server.root, { recursive: true });
      await mkdir(server.root);
    },
    close: () => server.stop(),
  };
}

/** Nix remembers for a month what a cache had: measured as on a machine that has not asked yet, and as on one that has. */
async function openFull(fixtures: Fixtures): Promise<OpenRow> {
  const server = await startServer(fixtures, fixtures.cache('many').slice('file://'.length));
  return {
    narkit: byNarkit(fixtures, server.url),
    peers: [
      {
        name: 'nix copy',
        missing: whyNoNix('2.34'),
        atMost: 0.8,
        command: byNix(fixtures, server.url, '2.34'),
      },
      {
        name: 'nix copy, Nix 2.8',
        missing: whyNoNix('2.8'),
        command: byNix(fixtures, server.url, '2.8'),
      },
      {
        name: 'nix copy, remembering the answers',
        missing: whyNoNix('2.34'),
        async command(run) {
          const command = await byNix(fixtures, server.url, '2.34')(run);
          return { ...command, env: { ...command.env, XDG_CACHE_HOME: join(server.directory, 'nix-cache') } };
        },
      },
    ],
    close: () => server.stop(),
  };
}

const byNarkit =
  (fixtures: Fixtures, url: string): OpenRow['narkit'] =>
  (run) =>
    fixtures.narkit(run, 'copy', '--quiet', '--to', url, fixtures.many);

const byNix =
  (fixtures: Fixtures, url: string, version: '2.8' | '2.34'): Peer['command'] =>
  (run) =>
    fixtures.nix(version, run, 'copy', '--to', url, fixtures.many);

async function startServer(fixtures: Fixtures, root?: string) {
  const directory = join(fixtures.directory, 'nginx');
  await rm(directory, { recursive: true, force: true });
  const nginx = await startNginx({ root: root ?? join(directory, 'root') });
  const distant = await putAtDistance(nginx.port, roundTripMs);
  return {
    url: `http://127.0.0.1:${distant.port}?compression=zstd&secret-key=${fixtures.secretKeyFile}`,
    root: nginx.root,
    directory,
    async stop() {
      await distant.stop();
      await nginx.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
