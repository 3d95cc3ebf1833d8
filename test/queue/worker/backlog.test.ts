/** A hundred thousand records, in a process of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatStorePath, storePathHashPart } from '../../../src/store-path.ts';
import { samplePath } from '../../copy/sample-store.ts';
import { startWorkerProcess } from '../kill-harness.ts';
import { type CacheServer, startCacheServer } from './cache-server.ts';
import { createWorkerPlace, type WorkerPlace } from './worker-place.ts';

const count = 100_000;

describe('a worker with a hundred thousand records', () => {
  let place: WorkerPlace;
  let server: CacheServer;
  beforeEach(async () => {
    place = await createWorkerPlace();
    server = await startCacheServer();
  });
  afterEach(async () => {
    await server.close();
    await place.remove();
  });

  /** As hooks write them, but not synced one by one. The source has none of these paths. */
  function writeRecords(): void {
    const incoming = join(place.spool.directory, 'incoming');
    mkdirSync(incoming, { recursive: true });
    const timeMs = Date.now() - count;
    for (let index = 0; index < count; index++) {
      const time = timeMs + index;
      const paths = [formatStorePath(samplePath(`gone-${index}`))];
      const record = { version: 1, time, storeDir: '/nix/store', paths, derivation: `${paths[0]}.drv`, tag: 'job' };
      writeFileSync(join(incoming, `${time}-1-7-${index.toString(36)}.json`), JSON.stringify(record));
    }
  }

  it('stays small, takes what comes before all of them, and gets through', async () => {
    const path = await place.source.add('path');
    await place.publishSource();
    writeRecords();
    server.refuse = () => 500;
    const configFile = join(place.directory, 'config.toml');
    await writeFile(
      configFile,
      `from = "file://${place.directory}/source"
to = ["${server.uri}"]
[queue]
directory = "${place.spool.directory}"
gc-roots = false
retry-delay = 0.1
retry-delay-maximum = 1
`,
    );
    const waiting = startWorkerProcess(configFile);
    const isAway = ({ type, state }: Record<string, unknown>): boolean =>
      type === 'destination' && state === 'unreachable';
    while (waiting.lines.filter(isAway).length < 5) await setTimeout(10);
    waiting.child.kill('SIGTERM');
    expect(await waiting.ended).toEqual({ exit: 0, errors: '' });
    const report = waiting.lines.at(-1)!;
    expect(report).toMatchObject({ type: 'result', uploaded: 0, waiting: count });
    expect(report.maximumKilobytes).toBeLessThan(190_000);

    const { child, lines, ended } = startWorkerProcess(configFile);
    const seen = (type: string): number => lines.filter((line) => line.type === type && line.path === path).length;
    while (!lines.some(isAway)) await setTimeout(10);
    await place.queue(path);
    while (seen('queued') < 1) await setTimeout(10);
    server.refuse = () => undefined;
    while (seen('uploaded') < 1) await setTimeout(10);
    expect(lines.filter(({ type }) => type === 'gone').length).toBeLessThan(count / 10);
    expect(server.objects.has(`/${storePathHashPart(path)}.narinfo`)).toBe(true);

    while ((await place.spool.listRecordIds()).length > 0) await setTimeout(500);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ exit: 0, errors: '' });
    expect(lines.filter(({ type }) => type === 'gone')).toHaveLength(count);
    expect(lines.at(-1)).toMatchObject({ type: 'result', uploaded: 1, waiting: 0 });
  }, 600_000);
});
