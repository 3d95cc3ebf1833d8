/** Whichever way the local store is read, it has the same path infos: those that its own Nix tells of. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PathInfo } from '../../src/path-info.ts';
import { parsePathInfosJson } from '../../src/path-info-json.ts';
import { openStore } from '../../src/store/index.ts';
import type { StorePath } from '../../src/store-path.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describeNix } from '../peers/peers.ts';
import { type BuiltClosure, buildClosure, nixPathInfoJson } from './closure-of-nix.ts';
import { sqlite } from './database/nix-database.ts';

describeNix('the path infos of one store', (nix) => {
  let daemon: NixDaemon;
  let built: BuiltClosure;
  let expected: ReadonlyMap<StorePath, PathInfo>;

  beforeAll(async () => {
    daemon = await startNixDaemon(nix);
    built = await buildClosure(daemon.place);
    const options = { storeDir: daemon.place.storeDir };
    const infos = parsePathInfosJson(await nixPathInfoJson(daemon.place, built.closure), options);
    // Nix prints `ultimate` where it is true alone.
    expected = new Map([...infos].map(([path, info]) => [path, { ultimate: false, ...info! }]));
    expect([...expected.keys()].sort()).toEqual(built.closure);
  });
  afterAll(() => daemon?.stop());

  /** What the store of this URI says of the closure, asked for many paths and for each. */
  async function query(uri: string): Promise<Map<StorePath, PathInfo>> {
    const { NIX_CONFIG: _, ...env } = daemon.place.env;
    const store = await openStore(uri, { env });
    try {
      const many = await store.queryPathInfos(built.closure);
      for (const path of built.closure) expect(await store.queryPathInfo(path)).toEqual(many.get(path));
      return many;
    } finally {
      await store.close();
    }
  }

  it('daemon: all that nix path-info tells', async () => {
    expect(await query(`unix://${daemon.socketPath}`)).toEqual(expected);
  });

  it.runIf(sqlite)('database: all that nix path-info tells', async () => {
    expect(await query('local')).toEqual(expected);
  });

  it.runIf(!sqlite)('database: says which Node it takes', async () => {
    await expect(query('local')).rejects.toMatchObject({
      code: 'database-unavailable',
      message: expect.stringMatching(/Node 22\.13 or newer/),
    });
  });

  it('tree: all that the files can tell', async () => {
    // No file knows who built it, who signed it, when it was registered and what its address was made of.
    const fromFiles = [...expected].map(([path, info]) => {
      const { narHash, narSize, references } = info;
      return [path, { path, narHash, narSize, references, signatures: [] }] as const;
    });
    expect(await query(`tree:${daemon.place.realStoreDir}`)).toEqual(new Map(fromFiles));
  });
});
