/**
 * `store verify --all`: each NAR is read, decompressed and hashed, each signature verified.
 *
 * @module
 */
import { whyNoNix } from '../fixtures/store.ts';
import type { Row } from '../row.ts';

export const verifyRows: readonly Row[] = [
  {
    name: 'store verify --all, zstd, 500 paths',
    meaning: 'How long it takes to be sure that a cache is whole.',
    rounds: 9,
    open(fixtures) {
      const args = ['store', 'verify', '--all', '--store', fixtures.cache('many')];
      args.push('--trusted-public-keys', fixtures.publicKey);
      return {
        narkit: (run) => fixtures.narkit(run, ...args),
        peers: [
          {
            name: 'nix store verify --all',
            missing: whyNoNix('2.34'),
            atMost: 0.7,
            command: (run) => fixtures.nix('2.34', run, ...args),
          },
        ],
      };
    },
  },
];
