import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backendConformanceCases } from '../../../src/backend/conformance/index.ts';
import { createS3Backend, type S3Backend } from '../../../src/backend/s3/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, s3Keys, startS3Server } from '../../peers/s3-server.ts';

describePeer('s3', 'S3 backend on a real server', () => {
  let server: S3Server;
  let bucket: string;
  let backend: S3Backend;
  beforeAll(async () => {
    server = await startS3Server();
    bucket = await server.createBucket();
    backend = createS3Backend({
      bucket,
      prefix: 'some/cache',
      endpoint: server.endpoint,
      credentials: s3Keys.tester,
      multipartChunkSize: 5 * 1024 * 1024,
    });
  });
  afterAll(async () => {
    await backend.close();
    await server.stop();
  });

  for (const { name, run } of backendConformanceCases) it(name, () => run({ backend, largeSize: 12 * 1024 * 1024 }));

  it('leaves no upload open', async () => {
    const { Uploads } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads ?? []).toEqual([]);
  });
});
