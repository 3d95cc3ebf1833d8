/**
 * `path-info` of one path: what it takes to start.
 *
 * @module
 */
import { whyNoNix } from '../fixtures/store.ts';
import { startNode } from '../nodes.ts';
import type { Row } from '../row.ts';

export const pathInfoRows: readonly Row[] = [
  {
    name: 'path-info of one path in a cache of files',
    meaning: 'What a command costs that has nothing to do: Node’s start, and as much as Nix takes.',
    rounds: 21,
    open(fixtures) {
      const args = ['path-info', '--store', fixtures.cache('many'), fixtures.many];
      return {
        narkit: (run) => fixtures.narkit(run, ...args),
        peers: [
          {
            name: 'nix path-info',
            missing: whyNoNix('2.34'),
            command: (run) => fixtures.nix('2.34', run, ...args),
          },
          {
            name: 'node -e 0',
            missing: whyNoNix('2.34'),
            perNode: true,
            plusPeer: 'nix path-info',
            atMost: 1,
            command: ({ node }) => startNode(node),
          },
        ],
      };
    },
  },
];
