import { spawn } from 'node:child_process';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clearTemporaryFiles, createFilesystemBackend } from '../../../src/backend/filesystem/index.ts';
import { describePeer, needPeer } from '../../peers/peers.ts';
import { createPlace, type Place } from './filesystem-place.ts';

const bytes = new TextEncoder().encode('bytes');

describe('temporary files', () => {
  let place: Place;
  beforeEach(() => {
    place = createPlace();
  });
  afterEach(() => place.remove());

  it('are not seen by readers and listings, and their names are no keys to put', async () => {
    const backend = createFilesystemBackend(place.directory);
    const staged = await backend.stage();
    await staged.write(bytes);
    const [name] = await readdir(join(place.directory, 'nar'));
    expect(name).toMatch(new RegExp(`^\\.narkit\\.tmp\\.${process.pid}\\.\\d+$`));
    await writeFile(join(place.directory, 'x.narinfo.tmp.123.4'), 'left by Nix');
    for (const key of [`nar/${name}`, 'x.narinfo.tmp.123.4']) {
      expect(await backend.get(key)).toBeUndefined();
      expect(await backend.head(key)).toBeUndefined();
      await backend.delete(key);
      await expect(backend.put(key, bytes)).rejects.toThrow(TypeError);
    }
    for await (const entry of backend.list('')) expect.fail(`lists ${entry.key}`);
    await staged.commit('nar/object');
    expect(await readdir(join(place.directory, 'nar'))).toEqual(['object']);
  });

  it('are cleared when they are old, narkit’s and Nix’s, and nothing else is', async () => {
    const nar = join(place.directory, 'nar');
    const outside = createPlace();
    await mkdir(nar);
    await symlink(outside.directory, join(place.directory, 'link'));
    const old = [join(nar, '.narkit.tmp.1.2'), join(place.directory, 'x.narinfo.tmp.123.4')];
    const kept = [join(nar, '.narkit.tmp.1.3'), join(nar, 'tmp.1.2'), join(outside.directory, '.narkit.tmp.1.2')];
    for (const path of [...old, ...kept]) await writeFile(path, bytes);
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
    for (const path of [...old, ...kept.slice(1)]) await utimes(path, twoDaysAgo, twoDaysAgo);

    expect((await clearTemporaryFiles(place.directory)).sort()).toEqual([...old].sort());
    expect((await readdir(nar)).sort()).toEqual(['.narkit.tmp.1.3', 'tmp.1.2']);
    expect(await clearTemporaryFiles(place.directory, { olderThanMs: 0, processId: 7 })).toEqual([]);
    expect(await clearTemporaryFiles(place.directory, { olderThanMs: 0, processId: 1 })).toEqual([
      join(nar, '.narkit.tmp.1.3'),
    ]);
    expect(await readdir(outside.directory)).toHaveLength(1);
    outside.remove();
  });

  it('say so when there is no directory to clear', async () => {
    const absent = join(place.directory, 'absent');
    await expect(clearTemporaryFiles(absent)).rejects.toThrow(`cannot clear '${absent}'`);
    await expect(clearTemporaryFiles(place.directory, { signal: AbortSignal.abort('stop') })).rejects.toBe('stop');
  });
});

describePeer(['strace', 'root'], 'durability', () => {
  it('syncs the file before it is renamed and the directory afterwards, and directories that are new', async () => {
    const place = createPlace();
    try {
      const backend = createFilesystemBackend(place.directory);
      const calls = await systemCallsOf(() => backend.put('nar/object', bytes));
      expect(orderOf(calls, place.directory)).toEqual(['mkdir', 'fsync', 'fdatasync', 'rename', 'fsync']);
      expect(calls.find((call) => call.startsWith('fsync'))).toContain(`<${place.directory}>`);
      expect(calls.findLast((call) => call.startsWith('fsync'))).toContain(`<${place.directory}/nar>`);
    } finally {
      place.remove();
    }
  });

  it('syncs a large file while it is written, and what is left before it is renamed', async () => {
    const place = createPlace();
    try {
      const backend = createFilesystemBackend(place.directory);
      const mebibytes = 70;
      async function* open(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < mebibytes; index++) yield new Uint8Array(1024 * 1024).fill(index);
      }
      const calls = await systemCallsOf(() => backend.put('object', { size: mebibytes * 1024 * 1024, open }));
      const order = orderOf(calls, place.directory);
      expect(order.filter((name) => name === 'fdatasync').length).toBeGreaterThan(1);
      expect(order.slice(-3)).toEqual(['fdatasync', 'rename', 'fsync']);
    } finally {
      place.remove();
    }
  });
});

function orderOf(calls: readonly string[], directory: string): string[] {
  return calls
    .filter((call) => call.includes(directory))
    .map((call) => /^(\w+)\(/.exec(call)![1]!)
    .map((name) => (name === 'renameat' || name === 'renameat2' ? 'rename' : name));
}

/** The calls that write names and sync, as strace shows them, of all threads of this process. */
async function systemCallsOf(task: () => Promise<void>): Promise<string[]> {
  const trace = 'trace=/^(mkdir|rename|fsync|fdatasync)';
  const strace = spawn(needPeer('strace'), ['-f', '-y', '-s', '4096', '-e', trace, '-p', String(process.pid)]);
  let output = '';
  strace.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  while (!output.includes('attached')) {
    if (strace.exitCode !== null) throw new Error(`strace: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await task();
  await new Promise((resolve) => setTimeout(resolve, 100));
  strace.kill('SIGINT');
  await new Promise((resolve) => strace.once('close', resolve));
  return output.split('\n').map((line) => line.replace(/^\[pid +\d+\] /, ''));
}
