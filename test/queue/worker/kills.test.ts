/** Workers that are killed at any moment, and started again. */
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openSpool, type Spool } from '../../../src/queue/index.ts';
import { type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { listKeys, listOpenUploads } from '../../copy/bucket-contents.ts';
import { filesUnder } from '../../copy/destinations.ts';
import { describePeer } from '../../peers/peers.ts';
import { type S3Server, startS3Server } from '../../peers/s3-server.ts';
import { runWithKills, startWorkerProcess } from '../kill-harness.ts';
import { createWorkerPlace, type WorkerPlace } from './worker-place.ts';

describePeer('s3', 'a worker that is killed', () => {
  let server: S3Server;
  let place: WorkerPlace;
  let spool: Spool;
  let bucket: string;
  let configFile: string;
  let cache: string;
  let roots: string;

  beforeEach(async () => {
    server = await startS3Server();
    place = await createWorkerPlace();
    bucket = await server.createBucket();
    cache = join(place.directory, 'cache');
    roots = join(place.directory, 'roots');
    configFile = join(place.directory, 'config.toml');
    await writeFile(
      configFile,
      `from = "file://${place.directory}/source"
to = ["${server.uri(bucket, { compression: 'none' })}", "file://${cache}?compression=none"]
[queue]
directory = "${place.spool.directory}"
gc-roots = "${roots}"
retry-delay = 0.1
retry-delay-maximum = 1
`,
    );
    spool = await openSpool(place.spool.directory, { gcRootsDirectory: roots });
  });
  afterEach(async () => {
    await place.remove();
    await server.stop();
  });

  async function expectAllThere(paths: readonly StorePath[]): Promise<void> {
    const keys = await listKeys(server, bucket);
    const files = await filesUnder(cache);
    for (const path of paths) {
      expect(keys).toContain(`${storePathHashPart(path)}.narinfo`);
      expect(files).toContain(`${storePathHashPart(path)}.narinfo`);
    }
    expect(files.filter((file) => file.includes('.tmp.'))).toEqual([]);
    expect(await listOpenUploads(server, bucket)).toEqual([]);
    expect(await spool.listRecordIds()).toEqual([]);
    // What a kill leaves between a record and its roots goes after a day: the process of these records is this one, and lives.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 });
    await spool.sweep();
    vi.useRealTimers();
    expect(await readdir(roots)).toEqual([]);
    expect(await readdir(join(spool.directory, 'damaged'))).toEqual([]);
  }

  it('loses nothing, and leaves nothing half, at whatever moment', async () => {
    const rounds = 30;
    const paths: StorePath[] = [];
    for (let index = 0; index < 3 * rounds; index++) {
      const size = index % 10 === 0 ? 9_000_000 : 1000 * index;
      paths.push(await place.source.add(`path-${index}`, paths.slice(-2), randomBytes(size >> 1).toString('hex')));
    }
    await place.publishSource();
    const report = await runWithKills({
      configFile,
      env: server.env,
      kills: rounds,
      longestMs: 1500,
      async beforeEach(round) {
        const three = paths.slice(3 * round, 3 * round + 3);
        await spool.addRecord({ storeDir: '/nix/store', paths: three });
      },
    });
    expect(report).toMatchObject({ parked: 0, waiting: 0 });
    await expectAllThere(paths);
  }, 400_000);

  it('leaves parts in a bucket and a temporary file in a directory, which the next takes away', async () => {
    const path = await place.source.add('large', [], randomBytes(30_000_000).toString('hex'));
    await place.publishSource();
    await spool.addRecord({ storeDir: '/nix/store', paths: [path] });
    const { child, ended } = startWorkerProcess(configFile, server.env);
    while ((await listOpenUploads(server, bucket)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await ended;
    expect(await listOpenUploads(server, bucket)).toHaveLength(1);
    await writeFile(join(cache, `.narkit.tmp.${child.pid}.1`), 'half');
    await writeFile(join(cache, `.narkit.tmp.${child.pid! + 1}.1`), 'of somebody else');
    await runWithKills({ configFile, env: server.env, kills: 0, longestMs: 0, beforeEach: async () => {} });
    expect((await filesUnder(cache)).filter((file) => file.includes('.tmp.'))).toEqual([
      `.narkit.tmp.${child.pid! + 1}.1`,
    ]);
    expect(await listOpenUploads(server, bucket)).toEqual([]);
    expect(await spool.listRecordIds()).toEqual([]);
  });
});
