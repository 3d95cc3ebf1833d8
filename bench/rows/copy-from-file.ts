/**
 * `copy --from file://`: read, decompress, verify and restore.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Fixtures, whyNoNix } from '../fixtures/store.ts';
import type { OpenRow, Row } from '../row.ts';

export const copyFromFileRows: readonly Row[] = [
  {
    name: 'copy from files, zstd, 630 MB',
    meaning: 'How fast a large path comes out of a cache, checked.',
    open: (fixtures) => open(fixtures, 'large'),
  },
  {
    name: 'copy from files, zstd, 15,000 files',
    meaning: 'The same for a path of many files: most of it is making files.',
    open: (fixtures) => open(fixtures, 'small'),
  },
];

async function open(fixtures: Fixtures, name: 'large' | 'small'): Promise<OpenRow> {
  const path = fixtures[name];
  const trust = ['--trusted-public-keys', fixtures.publicKey];
  const archive = join(fixtures.directory, `${name}.tar.zst`);
  await promisify(execFile)('sh', ['-c', 'test -e "$1" || tar -cP "$0" | zstd -q -T0 -o "$1"', path, archive]);
  return {
    narkit: (run) =>
      fixtures.narkit(
        run,
        'copy',
        '--quiet',
        '--from',
        fixtures.cache(name),
        '--to',
        `tree:${run.directory}/store`,
        ...trust,
        path,
      ),
    peers: [
      {
        name: 'nix copy',
        missing: whyNoNix('2.34'),
        atMost: 1,
        command: (run) =>
          fixtures.nix(
            '2.34',
            run,
            'copy',
            '--from',
            fixtures.cache(name),
            '--to',
            `local?root=${run.directory}`,
            ...trust,
            path,
          ),
      },
      {
        name: 'zstd -d | tar',
        command: ({ directory }) => ({
          file: 'sh',
          args: ['-c', 'zstd -qdc "$0" | tar -xC "$1"', archive, directory],
        }),
      },
    ],
  };
}
