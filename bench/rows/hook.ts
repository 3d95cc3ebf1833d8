/**
 * What `narkit-hook` in mode `queue` takes after each build, beside a Node that does nothing.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import type { Fixtures } from '../fixtures/store.ts';
import { startNode } from '../nodes.ts';
import type { OpenRow, Row } from '../row.ts';

const waitingRecords = 100_000;

export const hookRows: readonly Row[] = [
  {
    name: 'narkit-hook',
    meaning: 'What each build waits for, and nothing else: its outputs are written down, on disk for good.',
    rounds: 31,
    open: (fixtures) => open(fixtures),
  },
  {
    name: 'narkit-hook, 100,000 records wait',
    meaning: 'The same when nothing was uploaded for days.',
    rounds: 31,
    open: (fixtures) => open(fixtures, fillQueue),
  },
  {
    name: 'narkit-hook, the worker hangs',
    meaning: 'The same when the worker does not answer.',
    rounds: 31,
    open: (fixtures) => open(fixtures, undefined, startHungWorker),
  },
];

interface Queue {
  readonly directory: string;
  readonly gcRoots: string;
  readonly config: string;
}

async function open(
  fixtures: Fixtures,
  prepare?: (queue: Queue) => Promise<void>,
  startWorker?: (queue: Queue) => Promise<{ stop(): Promise<void> }>,
): Promise<OpenRow> {
  const directory = await mkdtemp(join(fixtures.directory, 'queue-'));
  const queue = await createQueue(directory);
  await prepare?.(queue);
  const worker = await startWorker?.(queue);
  const built = { OUT_PATHS: storePath('built'), DRV_PATH: storePath('built.drv') };
  return {
    narkit: ({ node }) => ({
      file: node.file,
      args: [fromRoot(packageJson.bin['narkit-hook'])],
      env: { PATH: process.env.PATH, ...built, NARKIT_CONFIG: queue.config },
    }),
    peers: [
      {
        name: 'node -e 0',
        perNode: true,
        plusMs: 10,
        atMost: 1,
        command: ({ node }) => startNode(node),
      },
    ],
    async close() {
      await worker?.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** As the hook and the worker leave one; the cache is away. */
async function createQueue(parent: string): Promise<Queue> {
  const queue = {
    directory: join(parent, 'queue'),
    gcRoots: join(parent, 'roots'),
    config: join(parent, 'config.toml'),
  };
  for (const folder of ['', 'incoming', 'tmp', 'damaged', 'commands', 'lock'])
    await mkdir(join(queue.directory, folder));
  await mkdir(queue.gcRoots);
  await writeFile(
    queue.config,
    `to = ["s3://cache?endpoint=https://192.0.2.1"]\nsecret-key-files = ["/etc/narkit/key.private"]\n
     [queue]\ndirectory = "${queue.directory}"\ngc-roots = "${queue.gcRoots}"\n`,
  );
  return queue;
}

async function fillQueue({ directory, gcRoots }: Queue): Promise<void> {
  const time = Date.now();
  for (let index = 0; index < waitingRecords; index++) {
    const id = `${time}-1-1-${index.toString(36)}`;
    const paths = [storePath(String(index))];
    const record = { version: 1, time, storeDir: '/nix/store', paths };
    await writeFile(join(directory, 'incoming', `${id}.json`), `${JSON.stringify(record)}\n`);
    await symlink(paths[0]!, join(gcRoots, `${id}-0`));
  }
}

/** A process that has the lock and answers nobody. */
async function startHungWorker({ directory }: Queue): Promise<{ stop(): Promise<void> }> {
  const lock = pathToFileURL(fromRoot('dist/queue/lock.js')).href;
  const script = `const { acquireLock } = await import('${lock}'); await acquireLock(process.argv[1]); console.log('locked'); setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return {
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function storePath(name: string): string {
  return `/nix/store/${'0'.repeat(32)}-${name}`;
}

function fromRoot(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
