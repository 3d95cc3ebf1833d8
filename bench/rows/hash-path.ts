/**
 * `hash path`: reading and hashing, and nothing else.
 *
 * @module
 */
import type { Fixtures } from '../fixtures/store.ts';
import { whyNoNix } from '../fixtures/store.ts';
import type { OpenRow, Row } from '../row.ts';

export const hashPathRows: readonly Row[] = [
  {
    name: 'hash path, 630 MB in 60 files',
    meaning: 'To hash a large path takes what its SHA-256 takes.',
    rounds: 7,
    open: (fixtures) => open(fixtures, fixtures.large),
  },
  {
    name: 'hash path, 300 MB in 15,000 files',
    meaning: 'To hash a path of many files takes what it takes to open them.',
    rounds: 7,
    open: (fixtures) => open(fixtures, fixtures.small),
  },
];

function open(fixtures: Fixtures, path: string): OpenRow {
  return {
    narkit: (run) => fixtures.narkit(run, 'hash', 'path', path),
    peers: [
      {
        name: 'nix hash path',
        missing: whyNoNix('2.34'),
        atMost: 1,
        command: (run) => fixtures.nix('2.34', run, 'hash', 'path', path),
      },
      {
        name: 'nix hash path, Nix 2.8',
        missing: whyNoNix('2.8'),
        command: (run) => fixtures.nix('2.8', run, 'hash', 'path', path),
      },
      {
        name: 'sha256sum of each file',
        command: () => ({ file: 'find', args: [path, '-type', 'f', '-exec', 'sha256sum', '{}', '+'] }),
      },
    ],
  };
}
