/** `narkit queue` as a program, with no worker: the commands do themselves what a worker would. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openJournal } from '../../src/queue/journal.ts';
import { openSpool } from '../../src/queue/spool.ts';
import { parseStorePathBaseName } from '../../src/store-path.ts';
import { variablesWithoutRights } from '../config/without-rights.ts';
import { narkitProgram as program } from '../programs.ts';
import { fixtureStore, type NarkitResult, runNarkit } from './run-narkit.ts';

const words = '/nix/store/kdxc08h44329i98r0iqz0z19xxffc5by-words-1.0';
const documentation = '/nix/store/n71h9xvz61kzr72fmzniz65fvw5x3fqq-greet-1.0-doc';
const greet = '/nix/store/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r-greet-1.0';
const baseName = (path: string) => parseStorePathBaseName(path.slice('/nix/store/'.length));

let parent: string;
let directory: string;
let first: string;
let second: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'narkit-cli-queue-'));
});
afterAll(() => rm(parent, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(parent, 'queue-'));
  first = `file://${directory}/first`;
  second = `file://${directory}/second`;
  await writeConfig();
});

async function writeConfig(lines = '', queueLines = ''): Promise<void> {
  const text = `
from = "${fixtureStore}"
to = ["${first}", "${second}"]
${lines}
[queue]
directory = "${directory}/queue"
gc-roots = "${directory}/roots"
${queueLines}`;
  await writeFile(join(directory, 'config.toml'), text);
}

function queue(...args: string[]): Promise<NarkitResult> {
  return runNarkit(['queue', ...args], { env: { NARKIT_CONFIG: join(directory, 'config.toml') } });
}

async function add(...paths: string[]): Promise<void> {
  expect(await queue('add', ...paths)).toMatchObject({ exitCode: 0, stdout: '' });
}

/** As a worker would have left it. */
async function park(path: string, destination: string): Promise<void> {
  const journal = await openJournal(join(directory, 'queue'));
  journal.set({
    path: baseName(path),
    destination,
    progress: 'parked',
    attempts: 10,
    lastError: { code: 'backend-refused', message: 'it said no' },
    sinceMs: Date.now(),
  });
  await journal.close();
}

const lines = ({ stdout }: NarkitResult): string[] => stdout.split('\n').slice(0, -1);
const objects = (result: NarkitResult) => lines(result).map((line) => JSON.parse(line));
const status = async () => objects(await queue('status', '--json'))[0];

describe('status and list', () => {
  test('of a queue that is not there', async () => {
    for (const command of [['status'], ['status', '--json'], ['list'], ['wait'], ['pause'], ['drop', '--all']]) {
      const { exitCode, stdout, stderr } = await queue(...command);
      expect([exitCode, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^error: the queue '.*\/queue' cannot be used: ENOENT: [^\n]*\n$/);
    }
  });

  test('of an empty one', async () => {
    await mkdir(join(directory, 'queue'));
    expect(objects(await queue('status', '--json'))).toEqual([
      {
        waiting: 0,
        active: 0,
        parked: 0,
        damaged: 0,
        oldestSeconds: null,
        paused: false,
        worker: { running: false, pid: null },
        destinations: [first, second].map((uri) => ({
          uri,
          state: 'ready',
          waiting: 0,
          parked: 0,
          lastError: null,
        })),
      },
    ]);
    expect(await queue('list')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect((await queue('status')).stdout).toBe(
      `waiting  0\nactive   0\nparked   0\nworker   none runs\n${first}: ready, 0 waiting\n${second}: ready, 0 waiting\n`,
    );
  });

  test('of what waits and what is parked', async () => {
    await add('--tag', 'nightly', greet, words);
    await add(words, documentation);
    await park(words, first);
    await park(documentation, first);
    await park(documentation, second);
    const now = await status();
    expect(now).toMatchObject({
      waiting: 2,
      active: 0,
      parked: 2,
      destinations: [
        { uri: first, waiting: 1, parked: 2, lastError: 'it said no' },
        { uri: second, waiting: 2, parked: 1 },
      ],
    });
    expect(now.oldestSeconds).toBeGreaterThanOrEqual(0);
    expect(now.oldestSeconds).toBeLessThan(120);

    const text = lines(await queue('list'));
    expect(text).toEqual([
      expect.stringMatching(new RegExp(`^waiting ${greet} \\(\\d+s old, tag nightly\\)$`)),
      expect.stringMatching(new RegExp(`^parked  ${words} \\(\\d+s old, 10 attempts, tag nightly\\): it said no$`)),
      expect.stringMatching(new RegExp(`^parked  ${documentation} \\(\\d+s old, 10 attempts\\): it said no$`)),
    ]);
    expect(lines(await queue('list', '--parked'))).toHaveLength(2);
    const tagged = objects(await queue('list', '--tag', 'nightly', '--json'));
    expect(tagged.map(({ path, state, tag, attempts }) => [path, state, tag, attempts])).toEqual([
      [greet, 'waiting', 'nightly', 0],
      [words, 'parked', 'nightly', 10],
    ]);
    expect(tagged[1]).toMatchObject({
      nextAttemptSeconds: null,
      lastError: { code: 'backend-refused', message: 'it said no' },
      destinations: [
        { uri: first, progress: 'parked', attempts: 10 },
        { uri: second, progress: 'waiting', attempts: 0 },
      ],
    });
    expect(lines(await queue('list', '--tag', 'other'))).toEqual([]);
  });

  test('garbage in the journal, in status.json, among the records and the commands keeps nothing from being told', async () => {
    await add(greet);
    const place = join(directory, 'queue');
    await writeFile(
      join(place, 'journal.jsonl'),
      `{"path":\n\u0000\u0001\nnull\n[]\n{"version":9}\n${'x'.repeat(70_000)}`,
    );
    await writeFile(join(place, 'status.json'), '{"version":1,"active":-5,"destinations":"all"}');
    await writeFile(join(place, 'incoming', '1700000000000-3-1-garbage.json'), '{"version":1,');
    await writeFile(join(place, 'incoming', 'notes.txt'), 'not mine');
    await writeFile(join(place, 'commands', '0-garbage.json'), '{"version":1,"command":"format-disk"}');
    await writeFile(join(place, 'commands', '1-garbage.json'), Buffer.from([0xff, 0xfe, 0]));
    expect(lines(await queue('list'))).toHaveLength(1);
    const now = await status();
    expect(now).toMatchObject({ waiting: 1, active: 0, parked: 0, damaged: 1 });
    expect((await queue('pause')).exitCode).toBe(0);
    expect((await queue('status')).stdout).toContain('damaged  1  (records that cannot be read)\n');
    expect(await readdir(join(place, 'commands'))).toEqual([]);
  });

  test('of a queue of others', async () => {
    await add(greet);
    const incoming = join(directory, 'queue', 'incoming');
    const isRoot = process.getuid!() === 0;
    // Nobody may forbid root anything: nobody asks in its place.
    if (isRoot) for (const folder of [parent, directory]) await chmod(folder, 0o711);
    else await chmod(incoming, 0);
    const ask = (args: string[]) =>
      promisify(execFile)(process.execPath, [program, 'queue', ...args], {
        env: { NARKIT_CONFIG: join(directory, 'config.toml'), ...(isRoot && variablesWithoutRights()) },
      });
    for (const command of [['status'], ['list'], ['wait', '--timeout', '5']])
      await expect(ask(command)).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^error: the queue '.*\/queue' cannot be used: EACCES: [^\n]*\n$/),
      });
    await chmod(incoming, 0o700);
    if (isRoot)
      await expect(ask(['pause'])).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .*EACCES/),
      });
    expect((await status()).paused).toBe(false);
  });

  test('a spool that is a file', async () => {
    await writeFile(join(directory, 'queue'), '');
    const { exitCode, stderr } = await queue('status');
    expect([exitCode, stderr]).toEqual([
      1,
      `error: the queue '${directory}/queue' cannot be used: it is not a directory\n`,
    ]);
  });
});

describe('add', () => {
  test('refuses what is not valid, and queues nothing then', async () => {
    const absent = greet.replace('greet', 'great');
    const { exitCode, stderr } = await queue('add', greet, absent);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`path '${absent}' is not valid in '${fixtureStore}': nothing is queued`);
    expect((await status()).waiting).toBe(0);
  });

  test('takes a root for each path', async () => {
    const [added] = objects(await queue('add', '--json', greet, words));
    expect(added).toEqual({ paths: 2, records: [expect.stringMatching(/^\d{13}-2-/)] });
    expect(await readdir(join(directory, 'roots'))).toHaveLength(2);
  });
});

describe('retry, drop, pause and resume', () => {
  test('what is parked is tried again', async () => {
    await add(greet, words);
    await park(greet, first);
    await park(words, second);
    expect(await queue('retry', words)).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '1 path tried again when a worker runs\n',
    });
    expect(await status()).toMatchObject({ waiting: 2, parked: 1 });
    expect(objects(await queue('retry', '--parked', '--json'))).toEqual([{ command: 'retry', done: true, changed: 1 }]);
    expect(await status()).toMatchObject({ waiting: 2, parked: 0 });
    expect((await queue('retry', '--all')).stderr).toBe('0 paths tried again\n');
  });

  test('what is dropped leaves the queue, and its roots with it', async () => {
    await add(greet, words);
    await add(documentation);
    await park(words, first);
    expect((await queue('drop', greet)).stderr).toBe('1 path dropped\n');
    expect(lines(await queue('list')).map((line) => line.split(' (')[0])).toEqual([
      `parked  ${words}`,
      `waiting ${documentation}`,
    ]);
    // The second destination still waits for what is parked for the first.
    expect((await queue('drop', '--parked')).stderr).toBe('1 path dropped\n');
    expect(await status()).toMatchObject({ waiting: 2, parked: 0 });
    expect(objects(await queue('drop', '--all', '--json'))).toEqual([{ command: 'drop', done: true, changed: 2 }]);
    expect(await status()).toMatchObject({ waiting: 0, parked: 0, oldestSeconds: null });
    expect(await readdir(join(directory, 'queue', 'incoming'))).toEqual([]);
    expect(await readdir(join(directory, 'roots'))).toEqual([]);
  });

  test('a path that was dropped can be queued again', async () => {
    await add(greet);
    await queue('drop', '--all');
    await add(greet);
    expect(await status()).toMatchObject({ waiting: 1 });
  });

  test('paths that are not in the queue are an error', async () => {
    await add(greet);
    for (const command of ['retry', 'drop']) {
      const { exitCode, stderr } = await queue(command, greet, words);
      expect([exitCode, stderr]).toEqual([1, `error: path '${words}' is not in the queue '${directory}/queue'\n`]);
    }
    expect(await status()).toMatchObject({ waiting: 1 });
  });

  test.each([
    [['retry'], /name paths, or use '--parked', or '--all'/],
    [['drop', '--all', '--parked'], /name paths, or use/],
    [['drop', '--all', greet], /name paths, or use/],
    [['pause', 'file:///other'], /there is no destination 'file:\/\/\/other': the configuration file has 'file:/],
    [['wait', '--timeout', 'soon'], /It is a number of seconds/],
    [['wait', '--timeout', '-1'], /It is a number of seconds/],
  ])('%j is wrong use', async (command, message) => {
    await mkdir(join(directory, 'queue'));
    const { exitCode, stderr } = await queue(...command);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('all, one, and all but one', async () => {
    await add(greet);
    const states = async () => (await status()).destinations.map(({ state }: { state: string }) => state);
    expect((await queue('pause', second)).stderr).toBe('1 destination paused\n');
    expect(await states()).toEqual(['ready', 'paused']);
    expect((await queue('pause')).stderr).toBe('1 destination paused\n');
    expect(await status()).toMatchObject({ paused: true, destinations: [{ state: 'paused' }, { state: 'paused' }] });
    expect((await queue('status')).stdout).toMatch(/^waiting {2}1, the oldest for \d+s \(all is paused\)\n/);
    expect((await queue('resume', second)).stderr).toBe('1 destination resumed\n');
    expect(await states()).toEqual(['paused', 'ready']);
    expect((await queue('resume')).stderr).toBe('1 destination resumed\n');
    expect(await states()).toEqual(['ready', 'ready']);
    expect(objects(await queue('resume', '--json'))).toEqual([{ command: 'resume', done: true, changed: 0 }]);
  });

  test('many commands at once are all carried out', async () => {
    await add(greet, words, documentation);
    for (const path of [greet, words, documentation]) await park(path, first);
    const results = await Promise.all([
      queue('retry', greet),
      queue('retry', words),
      queue('drop', documentation),
      queue('pause', first),
      queue('status', '--json'),
    ]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
    expect(await readdir(join(directory, 'queue', 'commands'))).toEqual([]);
    expect(await status()).toMatchObject({
      waiting: 2,
      parked: 0,
      destinations: [{ state: 'paused' }, { state: 'ready' }],
    });
  });
});

describe('wait', () => {
  test('ends at once when each destination has the paths, and there was nothing to wait for', async () => {
    await mkdir(join(directory, 'queue'));
    for (const uri of [first, second]) await runNarkit(['copy', '--from', fixtureStore, '--to', uri, greet]);
    expect(await queue('wait', greet)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(objects(await queue('wait', greet, '--json'))).toEqual([
      { outcome: 'uploaded', paths: 1, waiting: [], parked: [], missing: [] },
    ]);
    expect(await queue('wait')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('fails when a path was never queued, or did not get everywhere', async () => {
    await mkdir(join(directory, 'queue'));
    await runNarkit(['copy', '--from', fixtureStore, '--to', first, greet]);
    const { exitCode, stderr } = await queue('wait', greet);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `error: path '${greet}' is not at each destination, and not in the queue: dropped, gone, or never queued\n`,
    );
    expect(await queue('wait', greet, '--no-check')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('does not look for what skip-signed-by leaves out', async () => {
    await writeConfig('skip-signed-by = ["upstream-1"]');
    const upstream = join(directory, 'upstream');
    const key = join(directory, 'key');
    await writeFile(key, (await runNarkit(['key', 'generate-secret', '--key-name', 'upstream-1'])).stdout, {
      mode: 0o600,
    });
    await runNarkit(['copy', '--from', fixtureStore, '--to', `file://${upstream}`, '--secret-key-file', key, words]);
    const text = await readFile(join(directory, 'config.toml'), 'utf8');
    await writeFile(join(directory, 'config.toml'), text.replace(fixtureStore, `file://${upstream}`));
    await mkdir(join(directory, 'queue'));
    expect(await queue('wait', words)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(objects(await queue('reconcile', '--json'))).toEqual([
      { valid: 1, present: 0, skipped: 1, lacking: 0, dryRun: false },
    ]);
  });

  test('ends with 124 when the time is over, having said that no worker runs', async () => {
    await add('--tag', 'nightly', greet);
    const { exitCode, stdout, stderr } = await queue('wait', '--tag', 'nightly', '--timeout', '1.5', '--json');
    expect(exitCode).toBe(124);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'timeout', paths: 1, waiting: [greet] });
    expect(stderr).toBe(
      "warning: no worker runs: start one with 'narkit worker'\nerror: the time is over, and 1 of 1 paths still wait\n",
    );
  });

  test('fails when what it waits for is parked', async () => {
    await add(greet, words);
    for (const uri of [first, second]) await park(greet, uri);
    const parked = await queue('wait', greet, '--json');
    expect(parked.exitCode).toBe(1);
    expect(objects(parked)).toEqual([{ outcome: 'failed', paths: 1, waiting: [], parked: [greet], missing: [] }]);
    expect(parked.stderr).toContain(`path '${greet}' is parked`);
  });

  test('says when there is nothing under a tag', async () => {
    await mkdir(join(directory, 'queue'));
    const { exitCode, stderr } = await queue('wait', '--tag', 'nightly');
    expect(exitCode).toBe(0);
    expect(stderr).toContain("nothing is in the queue under the tag 'nightly'");
  });
});

describe('reconcile', () => {
  test('queues what a destination lacks, once', async () => {
    await runNarkit(['copy', '--from', fixtureStore, '--to', first, words]);
    await runNarkit(['copy', '--from', fixtureStore, '--to', second, greet]);
    const dry = await queue('reconcile', '--dry-run');
    expect([dry.exitCode, dry.stderr]).toEqual([0, '3 valid paths: 1 present or queued, 2 to be queued\n']);
    expect(lines(dry).sort()).toEqual([documentation, greet]);
    expect((await status()).waiting).toBe(0);

    const only = await queue('reconcile', '--dry-run', '--destination', second);
    expect(lines(only)).toEqual([documentation]);

    const done = await queue('reconcile', '--tag', 'reconcile');
    expect([done.exitCode, done.stdout, done.stderr]).toEqual([
      0,
      '',
      '3 valid paths: 1 present or queued, 2 queued\n',
    ]);
    expect(lines(await queue('list', '--tag', 'reconcile'))).toHaveLength(2);
    expect(objects(await queue('reconcile', '--json'))).toEqual([
      { valid: 3, present: 3, skipped: 0, lacking: 0, dryRun: false },
    ]);
  });

  test('a destination that does not answer is an error, and nothing is queued', async () => {
    await writeFile(join(directory, 'second'), 'no directory');
    const { exitCode, stderr } = await queue('reconcile');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`'${directory}/second' is not a directory`);
    expect((await status()).waiting).toBe(0);
  });
});

test('a configuration file can be named', async () => {
  await mkdir(join(directory, 'queue'));
  const file = join(directory, 'config.toml');
  expect(await runNarkit(['queue', 'status', '--config', file])).toMatchObject({ exitCode: 0, stderr: '' });
  const { exitCode, stderr } = await runNarkit(['queue', 'status', '--config', `${file}.old`]);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`configuration file '${file}.old' cannot be read`)]);
});

test('records of a thousand hooks are counted by their names', async () => {
  const spool = await openSpool(join(directory, 'queue'), { create: true, gcRootsDirectory: false });
  const id = await spool.addRecord({ storeDir: '/nix/store', paths: [baseName(words), baseName(greet)] });
  const incoming = join(directory, 'queue', 'incoming');
  for (let count = 0; count < 1009; count++)
    await copyFile(join(incoming, `${id}.json`), join(incoming, `${id.slice(0, 15)}-1-copy${count}.json`));
  // The 500 oldest are read, and the others only counted.
  expect(await status()).toMatchObject({ waiting: 1022, parked: 0 });
});
