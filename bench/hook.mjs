/**
 * What `narkit-hook` in mode `queue` takes, beside a Node that does nothing: a table.
 *
 *   npm run bench:hook
 *
 * All rows take turns, so that what else the machine does meets them alike. The number of rounds may be given; `TMPDIR` tells the disk.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const rounds = Number(process.argv[2] ?? 50);
const waitingRecords = 100_000;
const limitMs = 10;

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const hook = fromRoot('dist/hook/narkit-hook.cjs');
const directory = mkdtempSync(join(tmpdir(), 'narkit-bench-hook-'));
const storePath = (name) => `/nix/store/${'0'.repeat(32)}-${name}`;

const empty = createQueue('empty');
const full = createQueue('full');
fillQueue(full);
const hung = createQueue('hung');
const worker = await startHungWorker(hung);
const rows = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: 'narkit-hook', args: [hook], queue: empty },
  { name: `narkit-hook, ${waitingRecords.toLocaleString('en')} records wait`, args: [hook], queue: full },
  { name: 'narkit-hook, the worker hangs, the cache is away', args: [hook], queue: hung },
].map((row) => ({ ...row, ms: [] }));
try {
  for (let round = -1; round < rounds; round++)
    for (const row of rows) {
      const ms = measure(row);
      if (round >= 0) row.ms.push(ms);
    }
} finally {
  worker.kill('SIGKILL');
  rmSync(directory, { recursive: true });
}

const [node] = rows;
console.log(`Node ${process.version}, ${rounds} rounds: a median of at most ${limitMs} ms above Node's own`);
console.table(
  Object.fromEntries(
    rows.map(({ name, ms }) => [
      name,
      {
        'median ms': round(quantile(ms, 0.5)),
        'quarter ms': round(quantile(ms, 0.25)),
        'above Node ms': round(quantile(ms, 0.5) - quantile(node.ms, 0.5)),
        'pairwise ms': round(
          quantile(
            ms.map((value, index) => value - node.ms[index]),
            0.5,
          ),
        ),
      },
    ]),
  ),
);
if (rows.some(({ ms }) => quantile(ms, 0.5) - quantile(node.ms, 0.5) > limitMs)) process.exitCode = 1;

function createQueue(name) {
  const queue = join(directory, name);
  const roots = join(directory, `${name}-roots`);
  const config = join(directory, `${name}.toml`);
  for (const folder of ['', 'incoming', 'tmp', 'damaged', 'commands', 'lock']) mkdirSync(join(queue, folder));
  mkdirSync(roots);
  writeFileSync(
    config,
    `to = ["s3://cache?endpoint=https://192.0.2.1"]\nsecret-key-files = ["/etc/narkit/key.private"]\n
     [queue]\ndirectory = "${queue}"\ngc-roots = "${roots}"\n`,
  );
  return { queue, roots, config };
}

function fillQueue({ queue, roots }) {
  const time = Date.now();
  for (let index = 0; index < waitingRecords; index++) {
    const id = `${time}-1-1-${index.toString(36)}`;
    const paths = [storePath(index)];
    writeFileSync(
      join(queue, 'incoming', `${id}.json`),
      `${JSON.stringify({ version: 1, time, storeDir: '/nix/store', paths })}\n`,
    );
    symlinkSync(paths[0], join(roots, `${id}-0`));
  }
}

/** A process that has the lock and answers nobody. */
async function startHungWorker({ queue }) {
  const lock = pathToFileURL(fromRoot('dist/queue/lock.js')).href;
  const script = `const { acquireLock } = await import('${lock}'); await acquireLock(process.argv[1]); console.log('locked'); setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, queue], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return child;
}

function measure({ args, queue }) {
  const env = {
    ...process.env,
    NARKIT_CONFIG: queue?.config,
    OUT_PATHS: storePath('built'),
    DRV_PATH: storePath('built.drv'),
  };
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const ms = performance.now() - started;
  if (status !== 0 || stderr !== '') throw new Error(`${args.join(' ')}: exit code ${status}: ${stderr}`);
  return ms;
}

function quantile(values, part) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)];
}

function round(ms) {
  return Math.round(ms * 10) / 10;
}
