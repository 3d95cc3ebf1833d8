import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const { cache } = createRequire(import.meta.url);
const loaded = (): number => Object.keys(cache).filter((file) => file.includes('@aws-sdk')).length;

it('loads the AWS SDK when a bucket is first asked for something, and not before', async () => {
  await import('../../../src/index.ts');
  await import('../../../src/backend/filesystem/index.ts');
  const { createS3Backend, parseS3Settings } = await import('../../../src/backend/s3/index.ts');
  parseS3Settings('cache', new Map([['region', 'eu-west-1']]));
  const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };
  const backend = createS3Backend({
    bucket: 'cache',
    endpoint: 'http://127.0.0.1:1',
    credentials,
    retry: { attempts: 1 },
  });
  expect(loaded()).toBe(0);
  await expect(backend.get('key')).rejects.toMatchObject({ code: 'backend-unreachable' });
  expect(loaded()).toBeGreaterThan(0);
});
