/**
 * `copy --to file://`: dump, hash, compress, sign and write.
 *
 * @module
 */
import { join } from 'node:path';
import { type Fixtures, manyPaths, whyNoNix } from '../fixtures/store.ts';
import type { OpenRow, Peer, Row } from '../row.ts';
import { expectPaths } from './expect-paths.ts';

export const copyToFileRows: readonly Row[] = [
  {
    name: 'copy to files, none, 630 MB',
    meaning: 'How fast a large path goes to a disk as it is.',
    open: (fixtures) =>
      open(fixtures, 'none', fixtures.large, 1, [
        nix(fixtures, 'none', fixtures.large, { atMost: 0.6 }),
        oldNix(fixtures, 'none', fixtures.large),
        {
          name: 'tar',
          command: ({ directory }) => ({ file: 'tar', args: ['-cf', join(directory, 'tar'), '-P', fixtures.large] }),
        },
      ]),
  },
  {
    name: 'copy to files, zstd, 630 MB',
    meaning: 'What a build waits for, or the worker does, when a large path goes to a cache.',
    open: (fixtures) =>
      open(fixtures, 'zstd', fixtures.large, 1, [
        nix(fixtures, 'zstd', fixtures.large, { atMost: { 20: 1, 24: 0.6 } }),
        nix(fixtures, 'zstd', fixtures.large, { atMost: { 24: 1.1 } }, '&parallel-compression=true'),
        oldNix(fixtures, 'zstd', fixtures.large),
        {
          name: 'tar | zstd -T0',
          command: ({ directory }) => ({
            file: 'sh',
            args: ['-c', 'tar -cP "$0" | zstd -q -T0 -o "$1"', fixtures.large, join(directory, 'tar.zst')],
          }),
        },
      ]),
  },
  {
    name: 'copy to files, zstd, 15,000 files',
    meaning: 'The same for a path such as a source tree.',
    open: (fixtures) =>
      open(fixtures, 'zstd', fixtures.small, 1, [
        nix(fixtures, 'zstd', fixtures.small, { atMost: { 20: 1, 24: 0.7 } }),
        oldNix(fixtures, 'zstd', fixtures.small),
      ]),
  },
  {
    name: 'copy to files, zstd, 500 paths',
    meaning: 'The same for a closure of many small paths, as a system is.',
    open: (fixtures) =>
      open(fixtures, 'zstd', fixtures.many, manyPaths, [
        nix(fixtures, 'zstd', fixtures.many, { atMost: 0.7 }),
        oldNix(fixtures, 'zstd', fixtures.many),
      ]),
  },
  {
    name: 'copy to files, xz, 500 paths',
    meaning: 'The same with what Nix takes when nobody says otherwise: both cores work.',
    rounds: 3,
    isLong: true,
    open: (fixtures) =>
      open(fixtures, 'xz', fixtures.many, manyPaths, [nix(fixtures, 'xz', fixtures.many, { atMost: 0.6 })]),
  },
];

function open(fixtures: Fixtures, compression: string, path: string, paths: number, peers: readonly Peer[]): OpenRow {
  return {
    narkit: (run) =>
      fixtures.narkit(run, 'copy', '--quiet', '--to', cacheIn(fixtures, run.directory, compression), path),
    peers,
    afterRun: ({ directory }) => expectPaths(join(directory, 'cache'), paths),
  };
}

function nix(
  fixtures: Fixtures,
  compression: string,
  path: string,
  target: Pick<Peer, 'atMost'>,
  parameters = '',
): Peer {
  return {
    name: parameters === '' ? 'nix copy' : `nix copy, ${parameters.slice(1)}`,
    missing: whyNoNix('2.34'),
    ...target,
    command: (run) =>
      fixtures.nix('2.34', run, 'copy', '--to', cacheIn(fixtures, run.directory, compression) + parameters, path),
  };
}

function oldNix(fixtures: Fixtures, compression: string, path: string): Peer {
  return {
    name: 'nix copy, Nix 2.8',
    missing: whyNoNix('2.8'),
    command: (run) => fixtures.nix('2.8', run, 'copy', '--to', cacheIn(fixtures, run.directory, compression), path),
  };
}

function cacheIn({ secretKeyFile }: Fixtures, directory: string, compression: string): string {
  return `file://${directory}/cache?compression=${compression}&secret-key=${secretKeyFile}`;
}
