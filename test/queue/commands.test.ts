/** Commands as files: what is read out of them, and what they change in the journal. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NarkitError } from '../../src/errors.ts';
import {
  applyCommands,
  parseQueueCommand,
  type QueueCommand,
  removeSettledRecords,
  writeCommand,
} from '../../src/queue/commands.ts';
import { type Journal, openJournal, type Progress } from '../../src/queue/journal.ts';
import { acquireLock } from '../../src/queue/lock.ts';
import { sendCommand } from '../../src/queue/send-command.ts';
import { openSpool, type Spool } from '../../src/queue/spool.ts';
import { parseStorePathBaseName, type StorePath } from '../../src/store-path.ts';

const [first, second, third] = ['0', '1', '2'].map((digit) => parseStorePathBaseName(`${digit.repeat(32)}-name`)) as [
  StorePath,
  StorePath,
  StorePath,
];
const destinations = ['file:///a', 'file:///b'];

describe('the text', () => {
  test.each<QueueCommand>([
    { command: 'retry', paths: [first, second] },
    { command: 'drop', paths: 'parked' },
    { command: 'drop', paths: 'all' },
    { command: 'pause', destination: 'file:///a' },
    { command: 'resume' },
  ])('of %j', (command) => {
    expect(parseQueueCommand(JSON.stringify({ version: 1, ...command }))).toEqual(command);
  });

  test.each([
    '',
    'null',
    '[]',
    '{}',
    '{"version":2,"command":"resume"}',
    '{"version":1,"command":"toString"}',
    '{"version":1,"command":"drop"}',
    '{"version":1,"command":"drop","paths":"some"}',
    '{"version":1,"command":"drop","paths":["../../etc"]}',
    '{"version":1,"command":"retry","paths":[1]}',
    '{"version":1,"command":"pause","destination":{}}',
  ])('%j is none', (text) => {
    expect(() => parseQueueCommand(text)).toThrow(NarkitError);
  });

  test('of anything else is refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseQueueCommand(text)).toThrow(NarkitError);
      }),
    );
  });
});

let directory: string;
let spool: Spool;
let journal: Journal;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-commands-'));
  spool = await openSpool(join(directory, 'queue'), { create: true, gcRootsDirectory: false });
  journal = await openJournal(spool.directory);
});
afterEach(async () => {
  await journal.close();
  await rm(directory, { recursive: true });
});

const put = (path: StorePath, destination: string, progress: Progress, sinceMs = Date.now()) =>
  journal.set({ path, destination, progress, attempts: 3, sinceMs });
const add = (...paths: StorePath[]) => spool.addRecord({ storeDir: '/nix/store', paths });

async function apply(command: QueueCommand): Promise<number> {
  await writeCommand(spool.directory, command);
  const [applied, ...others] = await applyCommands(journal, spool, destinations);
  expect(others).toEqual([]);
  expect(applied!.command).toEqual(command);
  return applied!.changed;
}

test('commands are carried out in the order in which they were given, and once', async () => {
  for (const command of ['pause', 'resume', 'pause'] as const) {
    await writeCommand(spool.directory, { command });
    // The order of two that are given in the same millisecond is nobody's.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await writeFile(join(spool.directory, 'commands', '9.json'), 'garbage');
  const applied = await applyCommands(journal, spool, destinations);
  expect(applied.map(({ command }) => command?.command)).toEqual(['pause', 'resume', 'pause', undefined]);
  expect(applied.map(({ changed }) => changed)).toEqual([2, 2, 2, 0]);
  expect(applied[3]!.error).toBeInstanceOf(NarkitError);
  expect(journal.isPaused()).toBe(true);
  expect(await applyCommands(journal, spool, destinations)).toEqual([]);
});

test('retry forgets what failed, and leaves alone what is done', async () => {
  await add(first, second, third);
  put(first, destinations[0]!, 'parked');
  put(first, destinations[1]!, 'done');
  put(second, destinations[0]!, 'waiting');
  put(third, destinations[0]!, 'parked');
  expect(await apply({ command: 'retry', paths: [first] })).toBe(1);
  expect(journal.get(first, destinations[0]!)).toBeUndefined();
  expect(journal.get(first, destinations[1]!)?.progress).toBe('done');
  expect(await apply({ command: 'retry', paths: 'parked' })).toBe(1);
  expect([...journal.entries()].map(({ path, progress }) => [path, progress])).toEqual([
    [second, 'waiting'],
    [first, 'done'],
  ]);
  expect(await apply({ command: 'retry', paths: 'all' })).toBe(1);
  expect(journal.get(second, destinations[0]!)).toBeUndefined();
});

test('drop is for what waits and what is parked, and a record goes with the last of its paths', async () => {
  const id = await add(first, second);
  await add(third);
  put(second, destinations[0]!, 'done', Date.now() + 1000);
  expect(await apply({ command: 'drop', paths: [first] })).toBe(1);
  expect(journal.get(first, destinations[1]!)).toMatchObject({ progress: 'dropped', attempts: 0 });
  await removeSettledRecords(journal, spool, destinations);
  expect(await spool.listRecordIds()).toContain(id);
  put(second, destinations[1]!, 'parked');
  expect(await apply({ command: 'drop', paths: 'parked' })).toBe(1);
  expect(journal.get(second, destinations[0]!)?.progress).toBe('done');
  await removeSettledRecords(journal, spool, destinations);
  expect(await spool.listRecordIds()).toHaveLength(1);
  expect(await apply({ command: 'drop', paths: 'all' })).toBe(1);
  await removeSettledRecords(journal, spool, destinations);
  expect(await spool.listRecordIds()).toEqual([]);
});

test('what was settled before a path was queued again does not settle it', async () => {
  put(first, destinations[0]!, 'done', Date.now() - 10_000);
  put(first, destinations[1]!, 'dropped', Date.now() - 10_000);
  await add(first);
  await removeSettledRecords(journal, spool, destinations);
  expect(await spool.listRecordIds()).toHaveLength(1);
});

test('a command is left for a holder of the lock that does not answer', async () => {
  const lock = await acquireLock(spool.directory);
  expect(await sendCommand(spool, destinations, { command: 'pause' }, { timeoutMs: 100 })).toEqual({
    by: 'nobody',
    processId: process.pid,
  });
  expect(await readdir(join(spool.directory, 'commands'))).toHaveLength(1);
  await lock.release();
  expect(await sendCommand(spool, destinations, { command: 'resume', destination: destinations[1] })).toEqual({
    by: 'us',
    changed: 1,
  });
  const now = await openJournal(spool.directory, { readOnly: true });
  expect(destinations.map((uri) => now.isPaused(uri))).toEqual([true, false]);
  expect(await readdir(join(spool.directory, 'commands'))).toEqual([]);
});
