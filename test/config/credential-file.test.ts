import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNarkitConfig } from '../../src/config/index.ts';

let directory: string;
const readKeyFiles = async (env: Record<string, string>): Promise<readonly string[]> =>
  (await readNarkitConfig({ NARKIT_CONFIG: join(directory, 'config.toml'), ...env })).secretKeyFiles;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-credentials-'));
  const text = 'to = "daemon"\nsecret-key-files = ["/etc/narkit/first.private", "/etc/narkit/second.private"]\n';
  await writeFile(join(directory, 'config.toml'), text);
  await writeFile(join(directory, 'first.private'), '');
});
afterAll(() => rm(directory, { recursive: true }));

test('the copy that systemd made of a key file takes its place', async () => {
  expect(await readKeyFiles({ CREDENTIALS_DIRECTORY: directory })).toEqual([
    join(directory, 'first.private'),
    '/etc/narkit/second.private',
  ]);
});

test.each([{}, { CREDENTIALS_DIRECTORY: '' }, { CREDENTIALS_DIRECTORY: '/no/such/directory' }])(
  'without one, the files are as they were given: %j',
  async (env) => {
    expect(await readKeyFiles(env)).toEqual(['/etc/narkit/first.private', '/etc/narkit/second.private']);
  },
);
