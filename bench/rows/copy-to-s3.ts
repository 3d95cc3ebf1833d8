/**
 * `copy --to s3://`: to a real server on this machine, beside its SDK that puts the same bytes from a file.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { findPeer, whyMissing } from '../../test/peers/peers.ts';
import { type S3Server, startS3Server } from '../../test/peers/s3-server.ts';
import type { Fixtures } from '../fixtures/store.ts';
import type { OpenRow, Row } from '../row.ts';

export const copyToS3Rows: readonly Row[] = [
  {
    name: 'copy to S3, zstd, 630 MB',
    meaning: 'What packing, hashing and compressing add to the upload alone.',
    rounds: 3,
    missing: () => (findPeer('s3') === undefined ? whyMissing('s3') : undefined),
    open,
  },
];

async function open(fixtures: Fixtures): Promise<OpenRow> {
  const server = await startS3Server();
  const nars = join(fixtures.cache('large').slice('file://'.length), 'nar');
  const [nar] = await readdir(nars);
  const bucket = await server.createBucket();
  const to = server.uri(bucket, { compression: 'zstd', 'secret-key': fixtures.secretKeyFile });
  return {
    narkit(run) {
      const command = fixtures.narkit(run, 'copy', '--quiet', '--to', to, fixtures.large);
      return { ...command, env: { ...command.env, ...server.env } };
    },
    peers: [
      {
        name: 'the SDK, the same bytes from a file',
        perNode: true,
        atMost: 1.3,
        command: ({ node }) => ({
          file: node.file,
          args: [
            fileURLToPath(new URL('put-file.mjs', import.meta.url)),
            ...[server.endpoint, server.region, bucket, join(nars, nar!)],
          ],
          env: { ...process.env, ...server.env },
        }),
      },
    ],
    afterRun: () => empty(server, bucket),
    close: () => server.stop(),
  };
}

async function empty({ client }: S3Server, Bucket: string): Promise<void> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  if (Contents.length === 0) throw new Error(`nothing was put into ${Bucket}`);
  for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket, Key }));
}
