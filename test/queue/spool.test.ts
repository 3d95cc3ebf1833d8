/** The spool as hooks and the worker use it, on a disk that does and does not take it. */
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSpool, parseRecordId, QueueError, type Spool } from '../../src/queue/index.ts';
import { parseStorePathBaseName, type StorePath } from '../../src/store-path.ts';

let directory: string;
let spool: Spool;
const pathOf = (name: string): StorePath => parseStorePathBaseName(`${'0'.repeat(32)}-${name}`);
const record = { storeDir: '/nix/store', paths: [pathOf('a'), pathOf('b')] };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-spool-'));
  spool = await openSpool(join(directory, 'queue'), { create: true, gcRootsDirectory: join(directory, 'roots') });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true });
});

const inSpool = (...names: string[]): string => join(spool.directory, ...names);
const roots = (): Promise<string[]> => readdir(join(directory, 'roots')).then((names) => names.sort());

describe('a record', () => {
  it('is read as it was added, with a root for each path', async () => {
    const added = { ...record, derivation: pathOf('a.drv'), tag: 'job 1\n' };
    const id = await spool.addRecord(added);
    expect(await spool.listRecordIds()).toEqual([id]);
    const read = await spool.readRecord(id);
    expect(read).toEqual({ id, timeMs: parseRecordId(id)?.timeMs, ...added });
    expect(parseRecordId(id)).toEqual({ timeMs: expect.any(Number), pathCount: 2, processId: process.pid });
    expect(await roots()).toEqual([`${id}-0`, `${id}-1`]);
    expect(await readlink(join(directory, 'roots', `${id}-1`))).toBe(`/nix/store/${pathOf('b')}`);
    expect(await readdir(inSpool('tmp'))).toEqual([]);
    expect((await lstat(inSpool('incoming', `${id}.json`))).mode & 0o777).toBe(0o640);

    await spool.removeRecord(id);
    expect(await spool.listRecordIds()).toEqual([]);
    expect(await spool.readRecord(id)).toBeUndefined();
    expect(await roots()).toEqual([]);
    await spool.removeRecord(id);
  });

  it('has an id of its own, in the order of time, while the clock jumps', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const ids: string[] = [];
    for (const time of [2_000_000_000_000, 1_000_000_000_000, 1_000_000_000_000, 5]) {
      vi.setSystemTime(time);
      ids.push(await spool.addRecord(record));
    }
    expect(new Set(ids).size).toBe(4);
    const listed = await spool.listRecordIds();
    expect(listed).toEqual([...ids].sort());
    expect(listed.map((id) => parseRecordId(id)?.timeMs)).toEqual([
      5, 1_000_000_000_000, 1_000_000_000_000, 2_000_000_000_000,
    ]);
    for (const id of ids) expect((await spool.readRecord(id))?.id).toBe(id);
  });

  it('goes without roots where there are to be none, or none can be made', async () => {
    for (const gcRootsDirectory of [false, join(directory, 'missing/roots')] as const) {
      const rootless = await openSpool(spool.directory, { gcRootsDirectory });
      const id = await rootless.addRecord(record);
      await rootless.removeRecord(id);
    }
    expect((await readdir(directory)).sort()).toEqual(['queue']);
  });

  it('has at least one path, and not too many', async () => {
    await expect(spool.addRecord({ ...record, paths: [] })).rejects.toThrow(RangeError);
    await expect(spool.addRecord({ ...record, paths: Array(4_097).fill(pathOf('a')) })).rejects.toThrow(RangeError);
    const id = await spool.addRecord({ ...record, paths: Array(4_096).fill(pathOf('x'.repeat(211))) });
    expect((await spool.readRecord(id))?.paths).toHaveLength(4_096);
  });
});

describe('a record that is damaged', () => {
  const text = (change: object): string =>
    JSON.stringify({ version: 1, time: 1, storeDir: '/nix/store', paths: [`/nix/store/${pathOf('a')}`], ...change });
  it.each([
    ['nothing', ''],
    ['zeros', '\0'.repeat(512)],
    ['cut short', text({}).slice(0, -10)],
    ['no object', '[]'],
    ['null', 'null'],
    ['another version', text({ version: 2 })],
    ['no time', text({ time: 'now' })],
    ['a relative store', text({ storeDir: 'store' })],
    ['no paths', text({ paths: {} })],
    ['fewer paths than its name says', text({ paths: [] })],
    ['a path of another store', text({ paths: [`/gnu/store/${pathOf('a')}`] })],
    ['a path out of the store', text({ paths: ['/nix/store/../../etc/shadow'] })],
    ['a path that is no text', text({ paths: [1] })],
    ['a tag that is no text', text({ tag: {} })],
    ['a derivation that is none', text({ derivation: 'x' })],
    ['far too long', text({ tag: 'x'.repeat(5_000_000) })],
  ])('%s: is kept, and out of the way', async (_, contents) => {
    const id = '1000000000000-1-1-abc';
    await writeFile(inSpool('incoming', `${id}.json`), contents);
    const error = await spool.readRecord(id).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(QueueError);
    expect(error).toMatchObject({ code: 'record-damaged', path: inSpool('incoming', `${id}.json`) });
    expect(await readFile(inSpool('damaged', `${id}.json`), 'utf8')).toBe(contents);
    expect(await spool.listRecordIds()).toEqual([]);
    expect(await spool.readRecord(id)).toBeUndefined();
  });

  it('may be a link or a directory', async () => {
    const id = '1000000000000-1-1-abc';
    await writeFile(join(directory, 'secret'), text({}));
    await symlink(join(directory, 'secret'), inSpool('incoming', `${id}.json`));
    await mkdir(inSpool('incoming/1000000000000-1-1-def.json'));
    await expect(spool.readRecord(id)).rejects.toMatchObject({ code: 'record-damaged' });
    await expect(spool.readRecord('1000000000000-1-1-def')).rejects.toMatchObject({ code: 'record-damaged' });
    expect((await readdir(inSpool('damaged'))).sort()).toEqual([
      '1000000000000-1-1-abc.json',
      '1000000000000-1-1-def.json',
    ]);
  });
});

describe('a sweep', () => {
  const dead = '1000000000000-1-2147483646-abc';

  it('takes what the dead left, and nothing else', async () => {
    const id = await spool.addRecord(record);
    const own = `${Date.now()}-1-${process.pid}-abc`;
    const young = `${Date.now()}-1-2147483646-abc`;
    for (const name of [dead, own, young]) await symlink('/nix/store/x', join(directory, 'roots', `${name}-0`));
    await symlink('/nix/store/x', join(directory, 'roots/mine'));
    await writeFile(inSpool('tmp', dead), 'half');
    await spool.sweep();
    expect(await readdir(inSpool('tmp'))).toEqual([dead]);
    expect(await roots()).toEqual([`${own}-0`, `${young}-0`, `${id}-0`, `${id}-1`, 'mine'].sort());

    await writeFile(inSpool('tmp', own), 'half');
    await spool.sweep({ olderThanMs: 0 });
    expect(await readdir(inSpool('tmp'))).toEqual([own]);
    expect(await roots()).toEqual([`${own}-0`, `${id}-0`, `${id}-1`, 'mine'].sort());
    expect(await spool.readRecord(id)).toMatchObject(record);
  });

  it('takes what is a day old, whoever has the number of its process now', async () => {
    const id = await spool.addRecord(record);
    // As when a worker is killed between a record and its roots.
    await rm(inSpool('incoming', `${id}.json`));
    await writeFile(inSpool('tmp', id), 'half');
    await spool.sweep({ olderThanMs: 0 });
    expect(await roots()).toEqual([`${id}-0`, `${id}-1`]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 });
    await spool.sweep();
    expect(await roots()).toEqual([]);
    expect(await readdir(inSpool('tmp'))).toEqual([]);
  });

  it('ends when it is told to', async () => {
    await writeFile(inSpool('tmp', dead), 'half');
    await expect(spool.sweep({ signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
  });

  it('makes the roots that records lack', async () => {
    const id = await spool.addRecord(record);
    await rm(join(directory, 'roots'), { recursive: true });
    await spool.sweep();
    expect(await roots()).toEqual([`${id}-0`, `${id}-1`]);
  });

  it('moves what is no record out of the way', async () => {
    await writeFile(inSpool('incoming/README'), 'hello');
    await mkdir(inSpool('incoming/folder'));
    await spool.sweep();
    expect(await readdir(inSpool('incoming'))).toEqual([]);
    expect((await readdir(inSpool('damaged'))).sort()).toEqual(['README', 'folder']);
  });
});

describe('a watch', () => {
  const patience = { timeout: 20_000 };
  it('tells of records and commands', async () => {
    let calls = 0;
    const watch = spool.watch(() => calls++);
    await spool.addRecord(record);
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0), patience);
    await delay(50);
    const before = calls;
    await writeFile(inSpool('commands/x.json'), '{}');
    await vi.waitFor(() => expect(calls).toBeGreaterThan(before), patience);
    watch.close();
  });

  it('asks again and again where it cannot watch', async () => {
    await rm(inSpool('commands'), { recursive: true });
    let calls = 0;
    const watch = spool.watch(() => calls++);
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0), patience);
    watch.close();
  });
});

describe('the directory', () => {
  it('is made with the mode of who made what is above it, or 0750', async () => {
    expect((await lstat(spool.directory)).mode & 0o777).toBe(0o750);
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o2770);
    await openSpool(shared, { create: true });
    for (const folder of await readdir(shared))
      expect((await lstat(join(shared, folder))).mode & 0o7777, folder).toBe(0o2770);
  });

  it('is not made, nor are those above it, unless wanted', async () => {
    const missing = join(directory, 'missing');
    await expect(openSpool(missing)).rejects.toMatchObject({ code: 'spool', path: missing });
    await expect(openSpool(join(missing, 'queue'), { create: true })).rejects.toMatchObject({ code: 'spool' });
    await expect(openSpool('/dev/null')).rejects.toMatchObject({ code: 'spool' });
    expect((await readdir(directory)).sort()).toEqual(['queue']);
  });

  it('may be empty: adding makes what is missing', async () => {
    const bare = await mkdtemp(join(directory, 'bare-'));
    const opened = await openSpool(bare, { gcRootsDirectory: false });
    expect(await opened.listRecordIds()).toEqual([]);
    await opened.sweep();
    await opened.addRecord(record);
    expect(await opened.listRecordIds()).toHaveLength(1);
  });
});
