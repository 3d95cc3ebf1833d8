/** The hook killed at every call to the system that it makes, and at any moment: a record is there in whole, or not at all. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describePeer, needPeer } from '../peers/peers.ts';
import { createHookPlace, type HookPlace, type HookResult, outPaths } from './hook-program.ts';

let place: HookPlace;

beforeEach(async () => {
  place = await createHookPlace();
});
afterEach(async () => {
  await place.remove();
});

/** All that lies in the queue is whole, and a sweep takes the rest. @returns how many records there are. */
async function checkQueue(): Promise<number> {
  const spool = await place.openSpool();
  await spool.sweep({ olderThanMs: 0 });
  const ids = await spool.listRecordIds();
  for (const id of ids) {
    const record = await spool.readRecord(id);
    expect(record?.paths.map((path) => `/nix/store/${path}`)).toEqual(outPaths);
  }
  expect((await place.listRoots()).sort()).toEqual(ids.flatMap((id) => [`${id}-0`, `${id}-1`]));
  expect(await readdir(join(place.queue, 'tmp'))).toEqual([]);
  expect(await readdir(join(place.queue, 'damaged'))).toEqual([]);
  return ids.length;
}

describePeer(['strace', 'root'], 'narkit-hook, killed', () => {
  it.each(['in a new queue', 'in a queue that is there'])('at each call, %s', async (where) => {
    const before = where === 'in a new queue' ? 0 : 1;
    if (before === 1) await place.run();
    const strace = (output: string, expression: string): string[] => [
      ...[needPeer('strace'), '-f', '-qq', '-o', output, '-e', expression],
    ];
    const trace = join(place.directory, 'trace');
    const names = ['openat', 'mkdir', 'chmod', 'write', 'symlink', 'fsync', 'close', 'rename', 'exit_group'];

    // Which of the calls of its kind each of the hook's own is: from the opening of the configuration on, in the first process.
    await place.run({ by: strace(trace, `trace=${names.join(',')}`) });
    const lines = (await readFile(trace, 'utf8')).split('\n');
    const [processId] = lines[0]!.split(' ');
    const seen = new Map<string, number>();
    const points: [string, number][] = [];
    let started = false;
    for (const line of lines) {
      const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
      if (thread !== processId || call === undefined) continue;
      const count = (seen.get(call) ?? 0) + 1;
      seen.set(call, count);
      started ||= line.includes('config.toml');
      if (started) points.push([call, count]);
    }
    expect(new Set(points.map(([call]) => call)).size).toBe(before === 0 ? names.length : names.length - 2);

    const runKilled = async (call: string, count: number): Promise<HookResult> => {
      await place.remove();
      place = await createHookPlace();
      if (before === 1) await place.run();
      return place.run({ by: strace('/dev/null', `inject=${call}:signal=SIGKILL:when=${count}`) });
    };
    for (const [call, count] of points) {
      let result = await runKilled(call, count);
      // Where the kernel happens to put Node's memory decides about two files that V8 opens: the last calls may not be as many each time.
      for (let again = 0; again < 10 && result.exitCode === 0; again++) result = await runKilled(call, count);
      expect(result.signal ?? result.exitCode, `${call} ${count}`).toBe('SIGKILL');
      const records = await checkQueue();
      expect(records === before || records === before + 1).toBe(true);
      expect(await place.run()).toMatchObject({ exitCode: 0, stderr: '' });
      expect(await checkQueue()).toBe(records + 1);
    }
  });

  it('at any moment', async () => {
    const started = performance.now();
    await place.run();
    const durationMs = performance.now() - started;
    let whole = 1;
    for (let round = 0; round < 60; round++) {
      const result = await place.run({ killAfterMs: durationMs * (0.4 + 0.8 * Math.random()) });
      const records = await checkQueue();
      expect(records === whole || records === whole + 1).toBe(true);
      if (result.exitCode === 0) expect(records).toBe(whole + 1);
      whole = records;
    }
  });
});
