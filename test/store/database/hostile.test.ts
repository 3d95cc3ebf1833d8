import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabaseStore } from '../../../src/store/database/database-store.ts';
import { parseStorePathBaseName, type StorePath } from '../../../src/store-path.ts';
import { createDatabase, createStateDirectory, insertPath, numberedPath, schema, sqlite } from './nix-database.ts';

let state: ReturnType<typeof createStateDirectory>;
beforeEach(() => {
  state = createStateDirectory();
});
afterEach(() => rmSync(state.stateDir, { recursive: true }));

const pathOf = (number: number): StorePath => parseStorePathBaseName(numberedPath(number));

describe('a database that is not there or not ours', () => {
  it('is absent where there is no file, no directory, or a file for a directory', async () => {
    await expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-absent', uri: 'local' });
    for (const stateDir of ['/nonexistent', `${state.stateDir}/db/schema`])
      await expect(openDatabaseStore({ ...state, stateDir })).rejects.toMatchObject({ code: 'database-absent' });
  });

  it('is corrupt when it is a directory', async () => {
    mkdirSync(state.file);
    await expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-corrupt' });
  });

  it.each([
    ['9', 'database-schema', /Nix of version 2/],
    ['11', 'database-schema', /newer narkit/],
    ['', 'database-corrupt', /schema number/],
    ['ten', 'database-corrupt', /schema number/],
  ])('is refused with schema %j', async (version, code, message) => {
    writeFileSync(state.file, '');
    writeFileSync(`${state.stateDir}/db/schema`, version);
    await expect(openDatabaseStore(state)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe.runIf(sqlite)('a broken database', () => {
  it('that is no database is corrupt', async () => {
    writeFileSync(state.file, 'no database at all\n'.repeat(1000));
    await expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-corrupt' });
  });

  it('without tables or columns has another schema', async () => {
    writeFileSync(state.file, '');
    await expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-schema' });
    createDatabase(state.file, schema.replace('sigs text, ', '')).close();
    await expect(openDatabaseStore(state)).rejects.toMatchObject({
      code: 'database-schema',
      message: expect.stringContaining('sigs'),
    });
  });

  it('with damaged pages ends in an error or an answer', async () => {
    const database = createDatabase(state.file);
    for (let number = 0; number < 500; number++) insertPath(database, { path: `/nix/store/${numberedPath(number)}` });
    database.close();
    const whole = readFileSync(state.file);
    const codes = new Set<string>();
    for (let offset = 0; offset < whole.length; offset += 1021) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xa5, offset, offset + 16);
      writeFileSync(state.file, damaged);
      try {
        const store = await openDatabaseStore(state);
        try {
          for await (const path of store.queryAllValidPaths()) await store.queryPathInfo(path);
        } finally {
          await store.close();
        }
      } catch (error) {
        codes.add((error as { code: string }).code);
      }
    }
    expect([...codes].filter((code) => !code.startsWith('database'))).toEqual([]);
    expect(codes).toContain('database-corrupt');
  });

  it.each<[string, Record<string, string | number | bigint | null>]>([
    ['a hash that is none', { hash: 'sha256:x' }],
    ['no hash', { hash: '' }],
    ['a hash of another kind', { hash: `md5:${'00'.repeat(16)}` }],
    ['a size that is a text', { narSize: 'large' }],
    ['a size below zero', { narSize: -1 }],
    ['a size beyond 2^53', { narSize: 2n ** 60n }],
    ['a deriver that is none', { deriver: 'x.drv' }],
    ['a signature that is none', { sigs: 'key-1:AAAA nonsense' }],
    ['a content address that is none', { ca: 'fixed:' }],
    ['a blob', { deriver: null, ca: null, sigs: null, hash: new Uint8Array(3) as unknown as string }],
  ])('names the path with %s, and the others go on', async (_, row) => {
    const database = createDatabase(state.file);
    insertPath(database, { path: `/nix/store/${numberedPath(1)}` });
    insertPath(database, { path: `/nix/store/${numberedPath(2)}`, ...row });
    const store = await openDatabaseStore(state);
    const expected = { code: 'database-corrupt', path: `/nix/store/${numberedPath(2)}` };
    await expect(store.queryPathInfo(pathOf(2))).rejects.toMatchObject(expected);
    await expect(store.queryPathInfos([pathOf(1), pathOf(2)])).rejects.toMatchObject(expected);
    const errors = new Map<StorePath, unknown>();
    const infos = await store.queryPathInfos([pathOf(2), pathOf(1)], {
      onError: (path, error) => errors.set(path, error),
    });
    expect([...infos.keys()]).toEqual([pathOf(1)]);
    expect([...errors]).toEqual([[pathOf(2), expect.objectContaining(expected)]]);
    await store.close();
    database.close();
  });

  it('names a path and a reference that are of no store', async () => {
    const database = createDatabase(state.file);
    insertPath(database, { path: `/nix/store/${numberedPath(1)}` });
    insertPath(database, { path: '/elsewhere/x' });
    database.exec('insert into Refs values (1, 2)');
    const store = await openDatabaseStore(state);
    await expect(store.queryPathInfo(pathOf(1))).rejects.toMatchObject({ code: 'database-corrupt' });
    const listing = (async () => {
      for await (const path of store.queryAllValidPaths()) expect(path).toBe(pathOf(1));
    })();
    await expect(listing).rejects.toMatchObject({ code: 'database-corrupt', path: '/elsewhere/x' });
    await store.close();
    database.close();
  });
});

describe.runIf(sqlite)('a good database', () => {
  it('has NULL for what old Nix did not record', async () => {
    const database = createDatabase(state.file);
    insertPath(database, { path: `/nix/store/${numberedPath(1)}`, narSize: null });
    const store = await openDatabaseStore(state);
    expect(await store.queryPathInfo(pathOf(1))).toEqual({
      path: pathOf(1),
      narHash: { algorithm: 'sha256', digest: new Uint8Array(32) },
      narSize: 0,
      references: [],
      signatures: [],
      registrationTime: 1,
      ultimate: false,
    });
    await store.close();
    database.close();
  });

  it('is listed to its end, page by page, while it grows', async () => {
    const database = createDatabase(state.file);
    database.exec('begin');
    for (let number = 0; number < 3000; number++) insertPath(database, { path: `/nix/store/${numberedPath(number)}` });
    database.exec('commit');
    const store = await openDatabaseStore(state);
    const paths: StorePath[] = [];
    for await (const path of store.queryAllValidPaths()) {
      if (paths.push(path) === 1) insertPath(database, { path: `/nix/store/${numberedPath(3000)}` });
    }
    expect(paths).toEqual(Array.from({ length: 3001 }, (_, number) => pathOf(number)));
    // Nothing that was read holds the writer up: it can have the database to itself.
    expect(database.prepare('pragma wal_checkpoint(truncate)').get()).toMatchObject({ busy: 0 });
    await store.close();
    database.close();
  });

  it('is waited for while it is locked, with other work going on', async () => {
    const database = createDatabase(state.file);
    insertPath(database, { path: `/nix/store/${numberedPath(1)}` });
    database.exec('pragma journal_mode = delete');
    database.exec('begin exclusive');
    await expect(openDatabaseStore({ ...state, lockTimeoutMs: 20 })).rejects.toMatchObject({ code: 'database-locked' });
    const opened = openDatabaseStore(state);
    await setTimeout(20);
    database.exec('commit');
    const store = await opened;
    expect(await store.queryPathInfo(pathOf(1))).toMatchObject({ narSize: 120 });

    database.exec('begin exclusive');
    const abort = new AbortController();
    const asked = store.queryPathInfo(pathOf(1), { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    database.exec('rollback');
    await store.close();
    database.close();
  });
});

describe.runIf(sqlite)('a database of another user', () => {
  /** Root may read all. */
  async function asOtherUser(act: () => Promise<void>): Promise<void> {
    const isRoot = process.getuid!() === 0;
    if (isRoot) process.seteuid!(65534);
    try {
      await act();
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  }
  const directory = (): string => `${state.stateDir}/db`;
  afterEach(() => chmodSync(directory(), 0o755));

  it('is read, with what lies in its log alone', async () => {
    const database = createDatabase(state.file);
    insertPath(database, { path: `/nix/store/${numberedPath(1)}` });
    for (const file of ['db.sqlite', 'db.sqlite-wal', 'db.sqlite-shm']) chmodSync(`${directory()}/${file}`, 0o444);
    chmodSync(directory(), 0o555);
    await asOtherUser(async () => {
      const store = await openDatabaseStore(state);
      expect(await store.queryPathInfo(pathOf(1))).toBeDefined();
      insertPath(database, { path: `/nix/store/${numberedPath(2)}` });
      expect(await store.queryPathInfo(pathOf(2))).toBeDefined();
      await store.close();
    });
    database.close();
  });

  it('says what is missing when its log is', async () => {
    createDatabase(state.file).close();
    expect(existsSync(`${state.file}-wal`)).toBe(false);
    chmodSync(state.file, 0o444);
    chmodSync(directory(), 0o555);
    await asOtherUser(() =>
      expect(openDatabaseStore(state)).rejects.toMatchObject({
        code: 'database-unreadable',
        message: expect.stringMatching(/'-wal' and '-shm'.*'daemon'/),
      }),
    );
  });

  it('says so when it may not be read', async () => {
    createDatabase(state.file).close();
    chmodSync(state.file, 0);
    await asOtherUser(() => expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-unreadable' }));
    chmodSync(directory(), 0);
    await asOtherUser(() => expect(openDatabaseStore(state)).rejects.toMatchObject({ code: 'database-unreadable' }));
  });
});
