/** The same defects behind real servers, which are asked for each path by its name. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import { type StorePath, storePathHashPart } from '../../src/store-path.ts';
import { type VerifyFinding, verifyStore } from '../../src/verify/index.ts';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { describePeer } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { type Defect, defects, makeCache, plantDefects, testKey } from './defects.ts';

/** Of a path, and of no other host: these tests have no network. */
const ofNamedPaths = defects.filter(({ key, kinds }) => key === undefined && !kinds.includes('nar-url'));

describePeer(['nginx', 's3', 'root'], 'defects behind servers', () => {
  let directory: string;
  let planted: ReadonlyMap<Defect, StorePath>;
  let nginx: Nginx;
  let s3: S3Server;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-verify-servers-'));
    const paths = await makeCache(directory, defects.length * 10 + 10, await testKey('cache-1'));
    planted = await plantDefects(directory, paths);
    nginx = await startNginx({ root: directory });
    s3 = await startS3Server();
  }, 120_000);
  afterAll(async () => {
    await s3?.stop();
    await nginx?.stop();
    await rm(directory, { recursive: true });
  });

  async function expectAllFound(uri: string, env: Readonly<Record<string, string>>): Promise<void> {
    // The SDK looks for credentials itself.
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const store = await openStore(uri, { env });
    const { publicKey } = await testKey('cache-1');
    const named = ofNamedPaths.map((defect) => planted.get(defect)!);
    const findings: VerifyFinding[] = [];
    for await (const finding of verifyStore(store, named, { trustedPublicKeys: [publicKey] })) findings.push(finding);
    await store.close();
    vi.unstubAllEnvs();
    const expected = ofNamedPaths.flatMap((defect) => defect.kinds.map((kind) => `${kind} ${planted.get(defect)}`));
    expect(findings.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual(expected.sort());
  }

  test('nginx', () => expectAllFound(nginx.url, { NIX_CONF_DIR: directory }), 60_000);

  test('S3', async () => {
    const bucket = await s3.createBucket();
    const put = async (key: string): Promise<void> => {
      const bytes = await readFile(join(directory, key)).catch(() => undefined);
      if (bytes !== undefined) await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
    };
    await put('nix-cache-info');
    for (const defect of ofNamedPaths) {
      const hashPart = storePathHashPart(planted.get(defect)!);
      await put(`${hashPart}.narinfo`);
      await put(`${hashPart}.ls`);
      const text = await readFile(join(directory, `${hashPart}.narinfo`), 'utf8');
      const [, url] = /^URL: (.*)$/m.exec(text) ?? [];
      if (url !== undefined) await put(url);
      const [, references = ''] = /^References: (.*)$/m.exec(text) ?? [];
      for (const [reference] of references.matchAll(/\b[0-9a-z]{32}(?=-)/g)) await put(`${reference}.narinfo`);
    }
    await expectAllFound(s3.uri(bucket), s3.env);
  }, 60_000);
});
