/** `narkit worker` as a program, and `narkit queue` beside a worker that runs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describePeer, needPeer } from '../peers/peers.ts';
import { narkitProgram as program } from '../programs.ts';
import { parsePrometheusText } from '../queue/prometheus-text.ts';
import { parseDatagrams, startService } from '../queue/service-manager.ts';
import { fixtureStore, type NarkitResult, runNarkit, startNarkit } from './run-narkit.ts';

const words = '/nix/store/kdxc08h44329i98r0iqz0z19xxffc5by-words-1.0';
const documentation = '/nix/store/n71h9xvz61kzr72fmzniz65fvw5x3fqq-greet-1.0-doc';
const greet = '/nix/store/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r-greet-1.0';

let parent: string;
let directory: string;
let first: string;
let second: string;
let worker: RunningWorker | undefined;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'narkit-cli-worker-'));
});
afterAll(() => rm(parent, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(parent, 'queue-'));
  first = `file://${directory}/first`;
  second = `file://${directory}/second`;
  await writeConfig();
});
afterEach(() => worker?.stop());

async function writeConfig({ from = fixtureStore, to = [first, second], queue = '' } = {}): Promise<void> {
  const lines = [`from = "${from}"`, `to = ${JSON.stringify(to)}`, '[queue]', `directory = "${directory}/queue"`];
  await writeFile(join(directory, 'config.toml'), [...lines, `gc-roots = "${directory}/roots"`, queue, ''].join('\n'));
}

const env = () => ({ NARKIT_CONFIG: join(directory, 'config.toml') });
const narkit = (...args: string[]): Promise<NarkitResult> => runNarkit(args, { env: env() });
const queue = (...args: string[]): Promise<NarkitResult> => narkit('queue', ...args);
const parseLines = (output: string) =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const status = async () => JSON.parse((await queue('status', '--json')).stdout);

async function add(...paths: string[]): Promise<void> {
  expect(await queue('add', ...paths)).toMatchObject({ exitCode: 0 });
}

async function narinfos(cache: string): Promise<string[]> {
  const names = await readdir(cache.slice('file://'.length)).catch(() => []);
  return names.filter((name) => name.endsWith('.narinfo'));
}

interface LogLine {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

interface RunningWorker {
  readonly process: ChildProcess;
  readonly log: readonly LogLine[];
  /** The first line that is so, also of those that come. */
  line(isWanted: (line: LogLine) => boolean): Promise<LogLine>;
  /** End it as systemd does; its exit code. */
  stop(): Promise<number | null>;
}

async function startWorker(...args: string[]): Promise<RunningWorker> {
  const child = startNarkit(['worker', '--log-format', 'json', '--verbose', ...args], { env: env() });
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  const lookAgain = () => {
    for (const look of waiting) look();
  };
  const lines = createInterface({ input: child.stderr! });
  lines.on('line', (line) => {
    log.push(JSON.parse(line));
    lookAgain();
  });
  let ended = false;
  const closed = once(child, 'close').then(([code]) => {
    ended = true;
    lookAgain();
    return code as number | null;
  });
  const started: RunningWorker = {
    process: child,
    log,
    line: (isWanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = log.find(isWanted);
          if (found === undefined && !ended) return;
          waiting.delete(look);
          if (found) resolve(found);
          else reject(new Error(`the worker ended without it:\n${log.map((line) => JSON.stringify(line)).join('\n')}`));
        };
        waiting.add(look);
        look();
      }),
    async stop() {
      child.kill('SIGTERM');
      const code = await closed;
      worker = undefined;
      return code;
    },
  };
  worker = started;
  await started.line(({ event }) => event === 'started');
  return started;
}

describe('narkit worker --once', () => {
  test('uploads what waits, and ends', async () => {
    await add(greet, documentation);
    const { exitCode, stdout, stderr } = await narkit('worker', '--once');
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z uploaded ${greet} to ${first} \\([\\d.]+ \\w+ in [\\d.]+s\\)$`, 'm'),
    );
    expect(await narinfos(first)).toHaveLength(3);
    expect(await narinfos(second)).toHaveLength(3);
    expect(await status()).toMatchObject({ waiting: 0, active: 0, parked: 0, oldestSeconds: null });
    expect(await queue('wait', greet, documentation)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readdir(join(directory, 'roots'))).toEqual([]);
  });

  test('makes the queue where there is none, and has nothing to do', async () => {
    expect(await narkit('worker', '--once')).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await status()).toMatchObject({ waiting: 0, worker: { running: false } });
  });

  test('fails when something is parked', async () => {
    const source = join(directory, 'source');
    await runNarkit([
      'copy',
      '--from',
      fixtureStore,
      '--to',
      `file://${source}?compression=none`,
      words,
      documentation,
    ]);
    await writeConfig({ from: `file://${source}`, to: [first] });
    await add(words, documentation);
    const narInfo = await readFile(
      join(source, `${documentation.slice('/nix/store/'.length).slice(0, 32)}.narinfo`),
      'utf8',
    );
    const nar = join(source, /^URL: (.*)$/m.exec(narInfo)![1]!);
    const whole = await readFile(nar);
    await writeFile(nar, whole.toReversed());

    const { exitCode, stderr } = await narkit('worker', '--once', '--log-format', 'json');
    expect(exitCode).toBe(1);
    expect(parseLines(stderr)).toContainEqual(
      expect.objectContaining({ event: 'parked', level: 'error', path: documentation, destination: first }),
    );
    expect(await status()).toMatchObject({ waiting: 0, parked: 1, oldestSeconds: null });
    expect((await queue('wait', documentation)).exitCode).toBe(1);
    expect((await queue('list', '--parked')).stdout).toContain(`parked  ${documentation} (`);

    await writeFile(nar, whole);
    expect((await narkit('worker', '--once')).exitCode).toBe(1);
    expect((await queue('retry', '--parked')).stderr).toBe('1 path tried again when a worker runs\n');
    expect((await narkit('worker', '--once')).exitCode).toBe(0);
    expect((await queue('wait', words, documentation)).exitCode).toBe(0);
  });
});

describe('beside a running worker', () => {
  test('what is added is uploaded, and waited for', async () => {
    const { stop } = await startWorker();
    expect(await status()).toMatchObject({ worker: { running: true, pid: worker!.process.pid } });
    await add('--tag', 'nightly', greet);
    expect(await queue('wait', greet, '--timeout', '60')).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await queue('wait', '--tag', 'nightly', '--timeout', '60')).exitCode).toBe(0);
    expect(await narinfos(second)).toHaveLength(2);
    expect(await stop()).toBe(0);
    expect(await status()).toMatchObject({ waiting: 0, worker: { running: false, pid: null } });
  });

  test('a destination is paused and resumed', async () => {
    await startWorker();
    expect(await queue('pause', second)).toMatchObject({ exitCode: 0, stderr: 'the worker did it\n' });
    await add(greet);
    await worker!.line(
      ({ event, path, destination }) => event === 'uploaded' && path === greet && destination === first,
    );
    const waited = await queue('wait', '--timeout', '1');
    expect(waited.exitCode).toBe(124);
    expect(waited.stderr).toContain(`warning: '${second}' is paused`);
    expect(await narinfos(second)).toEqual([]);
    expect(await status()).toMatchObject({
      waiting: 1,
      destinations: [
        { uri: first, state: 'ready', waiting: 0 },
        { uri: second, state: 'paused', waiting: 1 },
      ],
    });
    const waiting = queue('wait', greet, '--timeout', '60', '--json');
    expect(parseLines((await queue('resume', '--json')).stdout)).toEqual([
      { command: 'resume', done: true, changed: null },
    ]);
    expect(JSON.parse((await waiting).stdout)).toMatchObject({ outcome: 'uploaded', paths: 1 });
    expect(await narinfos(second)).toHaveLength(2);
  });

  test('what is dropped is not uploaded any more', async () => {
    await startWorker();
    await queue('pause');
    await add(greet);
    await add(documentation);
    expect((await queue('drop', documentation)).exitCode).toBe(0);
    expect((await queue('list')).stdout).not.toContain(documentation);
    await queue('resume');
    const waited = await queue('wait', greet, documentation, '--timeout', '60');
    expect([waited.exitCode, waited.stderr]).toEqual([
      1,
      `error: path '${documentation}' is not at each destination, and not in the queue: dropped, gone, or never queued\n`,
    ]);
    expect(await narinfos(first)).toHaveLength(2);
  });

  test('what is reconciled is uploaded', async () => {
    await startWorker();
    expect((await queue('reconcile')).exitCode).toBe(0);
    expect((await queue('wait', '--timeout', '60')).exitCode).toBe(0);
    expect(await narinfos(first)).toHaveLength(3);
    expect((await queue('reconcile')).stderr).toBe('3 valid paths: 3 present or queued, 0 queued\n');
  });

  test('garbage among the commands and in the files of the worker does not stop it', async () => {
    await startWorker();
    const place = join(directory, 'queue');
    await writeFile(join(place, 'commands', '0.json'), '{"version":1,"command":"drop","paths":["../../etc"]}');
    await writeFile(join(place, 'commands', '1.json'), 'x'.repeat(100_000));
    await appendFile(join(place, 'journal.jsonl'), 'garbage\n\u0000{');
    await writeFile(join(place, 'status.json'), 'garbage');
    await add(greet);
    expect((await queue('wait', '--timeout', '60')).exitCode).toBe(0);
    const results = await Promise.all([
      queue('pause'),
      queue('pause', first),
      queue('resume'),
      queue('retry', '--all'),
    ]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(await readdir(join(place, 'commands'))).toEqual([]);
    expect(await worker!.stop()).toBe(0);
  });
});

describe('how it starts and ends', () => {
  test('a second worker says in a line who has the queue', async () => {
    await startWorker();
    const { exitCode, stdout, stderr } = await narkit('worker');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`error: the queue '${directory}/queue' has a worker already: process ${worker!.process.pid}\n`);
  });

  test('after a SIGKILL another takes over', async () => {
    const { process: killed } = await startWorker();
    killed.kill('SIGKILL');
    await once(killed, 'close');
    expect(await status()).toMatchObject({ active: 0, worker: { running: false } });
    await startWorker();
    expect(await status()).toMatchObject({ worker: { running: true } });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it', async (signal) => {
    const { process: child } = await startWorker();
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(worker!.log.at(-1)).toMatchObject({ event: 'stopped' });
  });

  test.each([
    [['worker', '--metrics', 'nowhere'], 1, /^error: 'nowhere' is neither 'HOST:PORT' nor 'unix:\/PATH'$/m],
    [['worker', '--log-format', 'xml'], 2, /Allowed choices are text, json/],
    [['worker', '--config', '/nowhere/config.toml'], 1, /configuration file '\/nowhere\/config.toml' cannot be read/],
  ])('%j is refused', async (args, code, message) => {
    const { exitCode, stderr } = await narkit(...args);
    expect(exitCode).toBe(code);
    expect(stderr).toMatch(message);
  });

  test('a queue that cannot be made is an error', async () => {
    await writeFile(join(directory, 'queue'), '');
    const { exitCode, stderr } = await narkit('worker');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: the queue '.*\/queue' cannot be used: [^\n]*\n$/);
  });
});

describe('its log', () => {
  test('begins with priorities in the journal of systemd, and there alone', async () => {
    await add(greet);
    const file = await open(join(directory, 'journal'), 'w');
    const { dev, ino } = await file.stat();
    const run = async (stream: string) => {
      const child = spawn(process.execPath, [program, 'worker', '--once'], {
        env: { PATH: process.env.PATH, ...env(), JOURNAL_STREAM: stream },
        stdio: ['ignore', 'ignore', file.fd],
      });
      await once(child, 'close');
    };
    await run(`${dev}:${ino}`);
    const inJournal = (await readFile(join(directory, 'journal'), 'utf8')).trimEnd().split('\n');
    expect(inJournal).toContainEqual(expect.stringMatching(new RegExp(`^<6>uploaded ${greet} to ${first} `)));
    expect(inJournal.filter((line) => !/^<[3-7]>[a-z/]/.test(line))).toEqual([]);
    await file.truncate();
    await run('1:1');
    expect(await readFile(join(directory, 'journal'), 'utf8')).not.toContain('<');
    await file.close();
  });

  test('has no password in it, nor has the status', async () => {
    const port = await closedPort();
    await writeConfig({ to: [`http://user:sesame@127.0.0.1:${port}`], queue: 'retry-delay = 1' });
    await startWorker();
    await add(greet);
    await worker!.line(({ event }) => event === 'destination' || event === 'retry');
    const now = await queue('status');
    expect(now.stdout).toContain(`http://127.0.0.1:${port}: `);
    const listed = await queue('list', '--json');
    const waited = await queue('wait', '--timeout', '1');
    expect(waited.exitCode).toBe(124);
    await worker!.stop();
    const files = await Promise.all(
      ['journal.jsonl', 'status.json'].map((name) => readFile(join(directory, 'queue', name), 'utf8').catch(() => '')),
    );
    expect(JSON.stringify([now, listed, waited, files])).not.toContain('sesame');
  });
});

/** A port that nobody listens at. */
async function closedPort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The metrics of a worker that has uploaded two paths, from its socket. */
async function scrape(): Promise<string> {
  const socketPath = join(directory, 'metrics');
  await writeConfig({ queue: `metrics = "unix:${socketPath}"` });
  await startWorker();
  await add(greet);
  expect((await queue('wait', '--timeout', '60')).exitCode).toBe(0);
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/metrics' }, (response) => resolve(text(response)));
    sent.once('error', reject).end();
  });
}

describe('its metrics', () => {
  test('tell what it did', async () => {
    const samples = parsePrometheusText(await scrape());
    for (const destination of [first, second]) {
      expect(samples.value('narkit_uploads_total', { destination, result: 'uploaded' })).toBeGreaterThan(0);
      expect(samples.value('narkit_destination_state', { destination, state: 'ready' })).toBe(1);
      expect(samples.value('narkit_destination_last_success_timestamp_seconds', { destination })).toBeGreaterThan(1e9);
    }
    expect(samples.value('narkit_queue_waiting_paths')).toBe(0);
    expect(samples.value('narkit_queue_oldest_seconds')).toBe(0);
  });

  test('are served at a port that is named', async () => {
    await startWorker('--metrics', '127.0.0.1:0');
    const { message } = await worker!.line(({ event }) => event === 'note');
    const address = /http:\S+/.exec(String(message))![0];
    const answer = await fetch(address);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(parsePrometheusText(await answer.text()).value('narkit_queue_parked_paths')).toBe(0);
    expect(await worker!.stop()).toBe(0);
  });

  test('prom-client is not loaded where nobody measures', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      `import '${new URL('../../dist/index.js', import.meta.url)}';
       import { createRequire } from 'node:module';
       const loaded = Object.keys(createRequire('${import.meta.url}').cache);
       console.log(loaded.filter((file) => file.includes('prom-client')).length);`,
    ]);
    expect(stdout).toBe('0\n');
  });
});

describePeer('promtool', 'the metrics before promtool', () => {
  test('nothing is wrong, and nothing to be bettered', async () => {
    const metrics = await scrape();
    const child = spawn(needPeer('promtool'), ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.end(metrics);
    const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect([code, output]).toEqual([0, '']);
  });
});

test('systemd is told how it does', async () => {
  await add(greet);
  const service = startService([process.execPath, program, 'worker', '--once'], join(directory, 'notify'), env());
  const datagrams = parseDatagrams(await text(service.stdout!));
  expect(datagrams.map(([isMain]) => isMain)).not.toContain(false);
  const told = datagrams.map(([, datagram]) => datagram).join('\n');
  expect(told).toMatch(/^READY=1$/m);
  expect(told).toMatch(/^STATUS=\d+ waiting( \(oldest \w+\))?, \d+ active, 0 parked$/m);
  expect(told.trimEnd()).toMatch(/STOPPING=1$/);
});
