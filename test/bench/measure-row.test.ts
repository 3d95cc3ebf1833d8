import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureRow } from '../../bench/measure-row.ts';
import type { OpenRow } from '../../bench/row.ts';

const nodes = ['20', '24'].map((major) => ({
  name: `Node ${major}`,
  major,
  version: process.version,
  file: process.execPath,
}));

describe('measureRow', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-measure-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('lets all programs take turns, each in a directory of its own, and compares them', async () => {
    const order: string[] = [];
    const left: string[] = [];
    const say = (name: string) => async (run: { directory: string }) => {
      order.push(name);
      expect(await readdir(run.directory)).toEqual([]);
      await writeFile(join(run.directory, name), '');
      return { file: 'true', args: [] };
    };
    const row: OpenRow = {
      narkit: (run) => say(`narkit ${run.node.major}`)(run),
      peers: [
        { name: 'peer', atMost: { 24: 2 }, command: say('peer') },
        { name: 'own', perNode: true, plusMs: 10, plusPeer: 'peer', atMost: 3, command: say('own') },
        { name: 'absent', missing: 'not here', command: say('absent') },
      ],
      afterRun: async (run) => void left.push(...(await readdir(run.directory))),
    };
    const result = await measureRow(row, { nodes, rounds: 2, isLong: false, directory });

    const once = ['narkit 20', 'narkit 24', 'peer', 'own', 'own'];
    expect(order).toEqual([...once.toReversed(), ...once, ...once.toReversed()]);
    expect(left).toEqual(order);
    expect(Object.keys(result.measured)).toEqual([
      'narkit, Node 20',
      'narkit, Node 24',
      'peer',
      'own, Node 20',
      'own, Node 24',
    ]);
    expect(result.compared.map(({ peer, node, atMost, rounds }) => [peer, node, atMost, rounds])).toEqual([
      ['peer', 'Node 20', undefined, 2],
      ['own + 10 ms + peer', 'Node 20', 3, 2],
      ['peer', 'Node 24', 2, 2],
      ['own + 10 ms + peer', 'Node 24', 3, 2],
    ]);
    expect(result.missing).toEqual({ absent: 'not here' });
    expect(await readdir(directory)).toEqual(['said']);
  });

  it('fails with what a program said when it fails', async () => {
    const args = ['-c', 'echo no such thing >&2; exit 3'];
    const row: OpenRow = { narkit: () => ({ file: 'sh', args }), peers: [] };
    await expect(measureRow(row, { nodes, rounds: 1, isLong: true, directory })).rejects.toThrow(
      /exit code 3\nno such thing/,
    );
  });

  it('fails when a program is not there, or has not done its work', async () => {
    const options = { nodes, rounds: 1, isLong: true, directory };
    await expect(
      measureRow({ narkit: () => ({ file: join(directory, 'absent'), args: [] }), peers: [] }, options),
    ).rejects.toThrow('ENOENT');
    const afterRun = () => Promise.reject(new Error('nothing was written'));
    await expect(
      measureRow({ narkit: () => ({ file: 'true', args: [] }), peers: [], afterRun }, options),
    ).rejects.toThrow('nothing was written');
  });
});
