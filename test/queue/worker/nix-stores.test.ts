/** Stores of Nix at both ends of a worker: its daemon as a destination, and the logs that it keeps. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseNarkitConfig } from '../../../src/config/index.ts';
import { runWorker, type Spool } from '../../../src/queue/index.ts';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../../src/signing/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { parseStorePathBaseName } from '../../../src/store-path.ts';
import { type NixDaemon, startNixDaemon } from '../../peers/nix-daemon.ts';
import { describePeer, nix } from '../../peers/peers.ts';
import { createWorkerPlace, type WorkerPlace } from './worker-place.ts';

const secretKey = generateSecretKey('worker-1');

let place: WorkerPlace;
beforeEach(async () => {
  place = await createWorkerPlace();
});
afterEach(() => place.remove());

it('a worker takes what waits to a bare tree', async () => {
  const path = await place.source.add('path');
  await place.publishSource();
  const tree = join(place.directory, 'tree');
  await mkdir(tree);
  await place.queue(path);
  expect(await place.drain({ to: [`tree:${tree}`] })).toMatchObject({ uploaded: 1, parked: 0, waiting: 0 });
  expect(await readFile(join(tree, path), 'utf8')).toBe('contents of path');
});

describePeer(['nix-2.34', 'root'], 'a worker and nix-daemon', () => {
  let daemon: NixDaemon;
  beforeEach(async () => {
    const settings = { 'trusted-public-keys': formatPublicKey(secretKey.publicKey) };
    daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true, settings });
  });
  afterEach(() => daemon.stop());

  /** Run to the end of what waits. */
  async function drain(spool: Spool, from: string, to: string): Promise<void> {
    const keyFile = join(place.directory, 'key');
    await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
    const config = parseNarkitConfig(
      `from = "${from}"\nto = "${to}"\nsecret-key-files = ["${keyFile}"]\nbuild-logs = true\n[queue]\ndirectory = "${spool.directory}"\n`,
      'config.toml',
    );
    const { signal } = new AbortController();
    expect(await runWorker({ config, spool, once: true, signal })).toMatchObject({ parked: 0, waiting: 0 });
    expect(await spool.listRecordIds()).toEqual([]);
  }

  it('takes what waits to the daemon, with its closure', async () => {
    const leaf = await place.source.add('leaf');
    const top = await place.source.add('top', [leaf]);
    await place.publishSource();
    await place.queue(top);
    await drain(place.spool, `file://${place.directory}/source?trusted=true`, `unix://${daemon.socketPath}`);
    await daemon.run('nix-store', ['--check-validity', ...[leaf, top].map((path) => `/nix/store/${path}`)]);
  });

  it('takes logs out of the store of the daemon, with what was built', async () => {
    const [built] = await daemon.build(
      'derivation { name = "logged"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo said; echo x > $out" ]; }',
    );
    const { stdout } = await daemon.run('nix-store', ['--query', '--deriver', built!]);
    const [derivation, path] = [stdout.toString().trim(), built!].map((one) => parseStorePathBaseName(basename(one)));
    await place.spool.addRecord({ storeDir: '/nix/store', paths: [path!], derivation });
    const logs = join(daemon.place.directory, 'nix/var/log/nix');
    await drain(place.spool, `unix://${daemon.socketPath}?log=${logs}`, place.cache('one'));
    const store = await openStore(place.cache('one'));
    expect(Buffer.from((await store.queryBuildLog!(derivation!))!).toString()).toBe('said\n');
    await store.close();
  });
});
