import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPathInfosJson, parsePathInfosJson } from '../../../src/path-info-json.ts';
import { openDatabaseStore } from '../../../src/store/database/database-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { parseStorePath, parseStorePathBaseName, type StorePath, storePathHashPart } from '../../../src/store-path.ts';
import { createNixPlace, type NixPlace } from '../../peers/nix-place.ts';
import { describeNix, type Nix } from '../../peers/peers.ts';
import { type BuiltClosure, buildClosure, bytesOf, nixDump, nixPathInfoJson } from '../closure-of-nix.ts';

const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
const absent = parseStorePathBaseName('00000000000000000000000000000000-absent');

describe.runIf(sqlite)('the database store', () => {
  describeNix('equals nix path-info', (nix) => readsWhatNixWrote(nix, false));
  describeNix('equals nix path-info in a root', (nix) => readsWhatNixWrote(nix, true), ['root']);
  describeNix('reads beside a writing Nix', (nix) => {
    it('sees each new path, and never an error', async () => {
      const place = await createNixPlace(nix);
      try {
        await readWhileBuilding(place);
      } finally {
        await place.remove();
      }
    });
    it('reads without a write-ahead log, too', async () => {
      const place = await createNixPlace(nix, { settings: { 'use-sqlite-wal': 'false' } });
      try {
        await readWhileBuilding(place);
      } finally {
        await place.remove();
      }
    });
  });
});

describe.runIf(!sqlite)('the database store on a Node without node:sqlite', () => {
  it('says which Node it takes', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'narkit-database-'));
    await mkdir(join(stateDir, 'db'));
    await writeFile(join(stateDir, 'db/db.sqlite'), '');
    await writeFile(join(stateDir, 'db/schema'), '10');
    const opened = openDatabaseStore({ storeDir: '/nix/store', realStoreDir: '/nix/store', logDir: '/', stateDir });
    await expect(opened).rejects.toMatchObject({
      code: 'database-unavailable',
      message: expect.stringMatching(/Node 22\.13 or newer/),
    });
    await rm(stateDir, { recursive: true });
  });
});

function readsWhatNixWrote(nix: Nix, atNixStore: boolean): void {
  let place: NixPlace;
  let built: BuiltClosure;
  let store: Store;

  beforeAll(async () => {
    place = await createNixPlace(nix, { atNixStore });
    built = await buildClosure(place);
    store = await openDatabaseStore(built.directories);
  });
  afterAll(async () => {
    await store?.close();
    await place?.remove();
  });

  it('gives the path infos that Nix gives', async () => {
    const { storeDir } = place;
    const saidByNix = await nixPathInfoJson(place, built.closure);
    const infos = await store.queryPathInfos([...built.closure, absent]);
    expect(formatPathInfosJson(infos, { storeDir })).toBe(
      formatPathInfosJson(parsePathInfosJson(saidByNix, { storeDir }), { storeDir }),
    );
    expect(infos.get(built.application)?.signatures).toHaveLength(2);
    expect(infos.get(built.application)?.deriver).toMatch(/-application\.drv$/);
    expect(await store.queryPathInfo(built.application)).toEqual(infos.get(built.application));
    expect(await store.queryPathInfo(absent)).toBeUndefined();
  });

  it('gives the NARs that Nix dumps', async () => {
    for (const path of built.closure) {
      const nar = await bytesOf(store.narFromPath(path));
      expect(nar.equals(await nixDump(place, path))).toBe(true);
    }
    await expect(bytesOf(store.narFromPath(absent))).rejects.toMatchObject({ code: 'path-absent' });
  });

  it('finds paths by hash part', async () => {
    for (const path of built.closure) expect(await store.queryPathFromHashPart(storePathHashPart(path))).toBe(path);
    expect(await store.queryPathFromHashPart(storePathHashPart(absent))).toBeUndefined();
    await expect(store.queryPathFromHashPart('short')).rejects.toThrow(TypeError);
  });

  it('lists what is valid', async () => {
    const { stdout } = await place.run('nix', ['path-info', '--all']);
    const expected = stdout.toString().trim().split('\n');
    const paths: StorePath[] = [];
    for await (const path of store.queryAllValidPaths()) paths.push(path);
    expect(paths).toEqual(expected.map((path) => parseStorePath(path, place.storeDir)).sort());
  });

  it('gives the build log that Nix keeps', async () => {
    const { deriver } = (await store.queryPathInfo(built.application))!;
    const log = await store.queryBuildLog!(deriver!);
    expect(Buffer.from(log!).toString()).toBe('building the application\n');
    expect(await store.queryBuildLog!(absent)).toBeUndefined();
  });

  it('says so when the files of a valid path are gone', async () => {
    const path = built.closure.find((candidate) => candidate.endsWith('-text'))!;
    await rm(join(place.realStoreDir, path));
    await expect(bytesOf(store.narFromPath(path))).rejects.toMatchObject({
      code: 'path-absent',
      path: `${place.storeDir}/${path}`,
    });
  });

  it('ends when it is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(store.queryPathInfo(built.application, { signal })).rejects.toThrow('enough');
    await expect(store.queryPathInfos(built.closure, { signal })).rejects.toThrow('enough');
    await expect(bytesOf(store.narFromPath(built.application, { signal }))).rejects.toThrow('enough');
  });
}

/** Builds and questions side by side: every path that was built must be there when the build says so. */
async function readWhileBuilding(place: NixPlace): Promise<void> {
  const { directories } = await buildClosure(place);
  const store = await openDatabaseStore(directories);
  let building = true;
  let seen = new Set<StorePath>();
  const reading = (async () => {
    let rounds = 0;
    while (building) {
      const paths = new Set<StorePath>();
      for await (const path of store.queryAllValidPaths()) paths.add(path);
      expect([...seen].every((path) => paths.has(path))).toBe(true);
      const infos = await store.queryPathInfos(paths);
      expect(infos.size).toBe(paths.size);
      for (const { references } of infos.values())
        for (const path of references) expect(await store.queryPathInfo(path)).toBeDefined();
      seen = paths;
      rounds++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return rounds;
  })();
  try {
    for (let round = 0; round < 5; round++) {
      const script = `i=0; for i in 1 2 3 4 5 6 7 8; do echo ${round} > $out; done`;
      const [path] = await place.build(`
        let step = n: before: derivation { name = "step-\${toString n}"; system = builtins.currentSystem; builder = "/bin/sh";
          args = [ "-c" "${script}; echo \${before} >> $out" ]; };
        in builtins.foldl' (before: n: step n before) "none" [ 1 2 3 4 ]`);
      expect(await store.queryPathInfo(parseStorePath(path!, place.storeDir))).toMatchObject({ ultimate: true });
    }
  } finally {
    building = false;
    const rounds = await reading;
    await store.close();
    expect(rounds).toBeGreaterThan(5);
  }
}
