import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackendError, Content } from '../../../src/backend/backend.ts';
import { createFilesystemBackend } from '../../../src/backend/filesystem/index.ts';
import { describePeer } from '../../peers/peers.ts';
import { readAll } from '../read-all.ts';
import { asNobody, createMountedPlace, createPlace, type Place } from './filesystem-place.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

async function errorOf(promise: Promise<unknown>): Promise<BackendError> {
  return promise.then(
    () => expect.fail('it went through'),
    (error: BackendError) => error,
  );
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

function zeros(size: number): Content {
  return {
    size,
    async *open() {
      for (let sent = 0; sent < size; sent += 65536) yield new Uint8Array(Math.min(65536, size - sent));
    },
  };
}

describePeer('root', 'a disk that fails', () => {
  it('a full disk: says so, keeps the old object and leaves nothing else', async () => {
    const place = createMountedPlace('size=1m');
    try {
      const backend = createFilesystemBackend(place.directory);
      await backend.put('old', text('what was there'));
      for (const [key, size] of [
        ['old', 3_000_000],
        ['nar/large', 3_000_000],
        ['nar/almost', 1_048_576],
      ] as const) {
        const error = await errorOf(backend.put(key, zeros(size)));
        expect(error).toMatchObject({ code: 'backend-full', key, retryable: true, uri: backend.uri });
        expect(error.message).toContain(`'${join(place.directory, key)}'`);
        expect(error.message).toContain('no space is left');
        expect(error.cause).toMatchObject({ code: 'ENOSPC' });
      }
      expect(await filesUnder(place.directory)).toEqual(['old']);
      expect(await readFile(join(place.directory, 'old'), 'utf8')).toBe('what was there');
      await backend.put('nar/fits', zeros(500_000));
    } finally {
      place.remove();
    }
  });

  it('a full disk while an object is staged', async () => {
    const place = createMountedPlace('size=1m');
    try {
      const backend = createFilesystemBackend(place.directory);
      const staged = await backend.stage();
      const error = await errorOf(
        (async () => {
          for (let sent = 0; sent < 3_000_000; sent += 65536) await staged.write(new Uint8Array(65536));
          await staged.commit('nar/large');
        })(),
      );
      expect(error).toMatchObject({ code: 'backend-full' });
      expect(await errorOf(staged.commit('nar/large'))).toMatchObject({ code: 'backend-full' });
      await staged.abort();
      expect(await filesUnder(place.directory)).toEqual([]);
    } finally {
      place.remove();
    }
  });

  it('a disk without a free inode', async () => {
    const place = createMountedPlace('nr_inodes=3');
    try {
      const backend = createFilesystemBackend(place.directory);
      await backend.put('one', text('1'));
      await backend.put('two', text('2'));
      expect(await errorOf(backend.put('three', text('3')))).toMatchObject({ code: 'backend-full' });
      expect(await errorOf(backend.put('nar/three', text('3')))).toMatchObject({ code: 'backend-full' });
      expect(await errorOf(backend.stage())).toMatchObject({ code: 'backend-full' });
      expect((await filesUnder(place.directory)).sort()).toEqual(['one', 'two']);
    } finally {
      place.remove();
    }
  });

  it('a disk that is read-only, and one that becomes so', async () => {
    const place = createMountedPlace('size=1m');
    try {
      const backend = createFilesystemBackend(place.directory);
      await backend.put('old', text('what was there'));
      place.remount('ro');
      for (const call of [() => backend.put('old', text('new')), () => backend.put('nar/new', text('new'))])
        expect(await errorOf(call())).toMatchObject({ code: 'backend-read-only', retryable: false });
      expect(await errorOf(backend.stage())).toMatchObject({ code: 'backend-read-only' });
      const error = await errorOf(backend.delete('old'));
      expect(error.message).toBe(
        `cannot delete '${join(place.directory, 'old')}': it is on a read-only file system: mount that writable (EROFS)`,
      );
      await backend.delete('absent');
      expect(await readAll((await backend.get('old'))!.body)).toEqual(text('what was there'));
    } finally {
      place.remove();
    }
  });

  it('another disk behind a link: objects go there, and staging says what is in the way', async () => {
    const disk = createMountedPlace('size=1m');
    const place = createPlace();
    try {
      const backend = createFilesystemBackend(place.directory);
      await symlink(disk.directory, join(place.directory, 'log'));
      await backend.put('log/build.drv', text('built'));
      expect(await readFile(join(disk.directory, 'build.drv'), 'utf8')).toBe('built');
      const staged = await backend.stage();
      await staged.write(text('log'));
      const error = await errorOf(staged.commit('log/other.drv'));
      expect(error).toMatchObject({ code: 'backend-io', cause: { code: 'EXDEV' } });
      await staged.abort();
      expect(await filesUnder(disk.directory)).toEqual(['build.drv']);
    } finally {
      place.remove();
      disk.remove();
    }
  });

  it('a directory of somebody else', async () => {
    const place = createPlace();
    try {
      const cache = join(place.directory, 'cache');
      await chmod(place.directory, 0o755);
      await mkdir(join(cache, 'closed'), { recursive: true });
      await writeFile(join(cache, 'closed/object'), 'secret');
      await writeFile(join(cache, 'unreadable'), 'secret', { mode: 0o600 });
      await chmod(join(cache, 'closed'), 0o700);
      const backend = createFilesystemBackend(cache);
      await asNobody(async () => {
        for (const call of [
          () => backend.put('new', text('new')),
          () => backend.put('nar/new', text('new')),
          () => backend.delete('unreadable'),
          () => backend.get('unreadable'),
          () => backend.get('closed/object'),
          () => backend.head('closed/object'),
          () => backend.stage(),
          async () => {
            for await (const _entry of backend.list(''));
          },
        ]) {
          const error = await errorOf(call());
          expect(error).toMatchObject({ code: 'backend-denied', retryable: false });
          expect(error.message).toContain(`'${cache}`);
        }
        expect(await backend.head('unreadable')).toEqual({ size: 6 });
      });
      expect((await filesUnder(cache)).sort()).toEqual(['object', 'unreadable']);
    } finally {
      place.remove();
    }
  });
});

describe('a directory that is not what it should be', () => {
  let place: Place;
  beforeEach(() => {
    place = createPlace();
  });
  afterEach(() => place.remove());

  it('a file in its place', async () => {
    const path = join(place.directory, 'file');
    await writeFile(path, 'a file');
    const backend = createFilesystemBackend(path);
    for (const call of [
      () => backend.get('object'),
      () => backend.head('object'),
      () => backend.delete('object'),
      () => backend.put('object', text('new')),
      () => backend.stage(),
      async () => {
        for await (const _entry of backend.list(''));
      },
    ]) {
      const error = await errorOf(call());
      expect(error).toMatchObject({ code: 'backend-io' });
      expect(error.message).toMatch(/not a directory/);
      expect(error.message).toContain(path);
    }
  });

  it('nothing in its place: no objects, and made by the first put', async () => {
    const backend = createFilesystemBackend(join(place.directory, 'a/b'));
    expect(await backend.get('object')).toBeUndefined();
    for await (const entry of backend.list('')) expect.fail(`lists ${entry.key}`);
    await backend.put('c/object', text('made'));
    expect(await readFile(join(place.directory, 'a/b/c/object'), 'utf8')).toBe('made');
  });

  it('a link to nothing in its place', async () => {
    await symlink(join(place.directory, 'absent/further'), join(place.directory, 'link'));
    const backend = createFilesystemBackend(join(place.directory, 'link'));
    expect(await backend.get('object')).toBeUndefined();
    expect(await errorOf(backend.put('object', text('new')))).toMatchObject({ code: 'backend-io', key: 'object' });
  });

  it('a directory where an object should go, and a file where a directory should', async () => {
    const backend = createFilesystemBackend(place.directory);
    await backend.put('nar/object', text('there'));
    const onFolder = await errorOf(backend.put('nar', text('new')));
    expect(onFolder).toMatchObject({ code: 'backend-io', message: expect.stringContaining('it is a directory') });
    const underFile = await errorOf(backend.put('nar/object/under', text('new')));
    expect(underFile).toMatchObject({ code: 'backend-io', message: expect.stringContaining('not a directory') });
    expect(await filesUnder(place.directory)).toEqual(['object']);
  });

  it('names that are too long', async () => {
    const backend = createFilesystemBackend(place.directory);
    const key = 'x'.repeat(256);
    expect(await backend.get(key)).toBeUndefined();
    expect(await backend.head(key)).toBeUndefined();
    await backend.delete(key);
    expect(await errorOf(backend.put(key, text('new')))).toMatchObject({ code: 'backend-io' });
    await backend.put('x'.repeat(255), text('new'));
    expect(await filesUnder(place.directory)).toEqual(['x'.repeat(255)]);
  });

  it('a fifo is refused at once, and no listing shows it', async () => {
    const backend = createFilesystemBackend(place.directory);
    execFileSync('mkfifo', [join(place.directory, 'fifo')]);
    for (const call of [() => backend.get('fifo'), () => backend.head('fifo')])
      expect((await errorOf(call())).message).toBe(`'${join(place.directory, 'fifo')}' is not a regular file`);
    for await (const entry of backend.list('')) expect.fail(`lists ${entry.key}`);
  });

  it('links inside are followed, and listings end where they go in a circle', async () => {
    const outside = createPlace();
    try {
      const backend = createFilesystemBackend(place.directory);
      await symlink(outside.directory, join(place.directory, 'nar'));
      await symlink(place.directory, join(outside.directory, 'circle'));
      await symlink('self', join(place.directory, 'self'));
      await symlink('nowhere', join(place.directory, 'dangling'));
      await backend.put('nar/object', text('there'));
      expect(await readFile(join(outside.directory, 'object'), 'utf8')).toBe('there');
      const keys: string[] = [];
      for await (const { key } of backend.list('')) keys.push(key);
      expect(keys).toEqual(['nar/object']);
      expect(await backend.get('dangling')).toBeUndefined();
      expect(await errorOf(backend.get('self'))).toMatchObject({ code: 'backend-io' });
      // A link that is an object's name is replaced, not followed.
      await backend.put('dangling', text('an object now'));
      expect((await filesUnder(place.directory)).sort()).toEqual(['dangling', 'nar', 'self']);
    } finally {
      outside.remove();
    }
  });

  it('an object that changes while it is read is an error that may pass', async () => {
    const backend = createFilesystemBackend(place.directory);
    await backend.put('object', zeros(1_000_000));
    const replaced = await backend.get('object');
    await backend.put('object', zeros(1_000_000));
    expect(await errorOf(readAll(replaced!.body))).toMatchObject({ code: 'backend-io', retryable: true });

    const cut = await backend.get('object');
    const chunks = cut!.body[Symbol.asyncIterator]();
    await chunks.next();
    await writeFile(join(place.directory, 'object'), 'short');
    await expect(chunks.next()).rejects.toMatchObject({ code: 'backend-io', retryable: true });

    const gone = await backend.put('object', zeros(1_000_000)).then(() => backend.get('object'));
    await backend.delete('object');
    expect(await errorOf(readAll(gone!.body))).toMatchObject({ code: 'backend-io', retryable: true });
  });
});
