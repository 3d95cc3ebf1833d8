/**
 * What `narkit queue status` takes with 100,000 records waiting, how soon a worker takes what is new then, and what it and `reconcile`, for a
 * million paths, hold in memory: a table.
 *
 *   npm run bench:queue
 *
 * `TMPDIR` tells the disk.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const rounds = 10;
const waitingRecords = 100_000;
const paths = 1_000_000;
const newPaths = 20;

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const nar = createNar('hello');
const stored = new Set();
const directory = mkdtempSync(join(tmpdir(), 'narkit-bench-queue-'));
try {
  fillQueue(waitingRecords);
  const narkit = fromRoot('dist/cli/narkit.js');
  console.log('                                          median ms   CPU ms');
  report('node -e 0', ['-e', '0']);
  report('narkit --version', [narkit, '--version']);
  report(`narkit queue status, ${waitingRecords.toLocaleString('en')} records`, [narkit, 'queue', 'status']);
  console.log(
    `\nworker, ${waitingRecords.toLocaleString('en')} records, one cache of two down: ${await measureWorker(narkit)}`,
  );
  console.log(
    `\nreconcile, ${paths.toLocaleString('en')} paths, half of them listed by the cache: ${measureReconcile()}`,
  );
} finally {
  rmSync(directory, { recursive: true });
}

function fillQueue(count) {
  const incoming = join(directory, 'queue', 'incoming');
  mkdirSync(incoming, { recursive: true });
  const start = Date.now() - count;
  for (let index = 0; index < count; index++) {
    const record = { version: 1, time: start + index, storeDir: '/nix/store', paths: [storePath(index)] };
    writeFileSync(join(incoming, `${start + index}-1-1-${index.toString(36)}.json`), JSON.stringify(record));
  }
  const config = `to = "file://${directory}/cache"\n[queue]\ndirectory = "${directory}/queue"\ngc-roots = false\n`;
  writeFileSync(join(directory, 'config.toml'), config);
}

function storePath(index) {
  return `/nix/store/${String(index).padStart(32, '0')}-hello-2.12`;
}

/** From and to a server in this process, which has every path. */
async function measureWorker(narkit) {
  const { openSpool } = await import(fromRoot('dist/queue/index.js'));
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const down = 'http://127.0.0.1:1';
  const config = join(directory, 'worker.toml');
  writeFileSync(
    config,
    `from = "${url}/from?trusted=true"\nto = ["${url}/to?compression=none", "${down}"]\n[queue]\ndirectory = "${directory}/queue"\ngc-roots = false\n`,
  );
  const worker = spawn(process.execPath, [narkit, 'worker', '--verbose', '--log-format', 'json', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const spool = await openSpool(join(directory, 'queue'), { gcRootsDirectory: false });
    const waits = [];
    const added = new Map();
    const startedMs = performance.now();
    let firstMs;
    let uploaded = 0;
    createInterface({ input: worker.stderr }).on('line', (text) => {
      const line = JSON.parse(text);
      if (line.event === 'uploaded' && ++uploaded === 1) firstMs = performance.now() - startedMs;
      if (line.event !== 'uploading' || line.destination.startsWith(down)) return;
      const nowMs = performance.now();
      const one = added.get(line.path);
      // Who is taken before it had a slot.
      for (const other of added.values()) if (other !== one) other.slotMs ??= nowMs;
      if (one === undefined) return;
      waits.push({ allMs: nowMs - one.addedMs, slotMs: nowMs - (one.slotMs ?? nowMs) });
      added.delete(line.path);
    });
    while (uploaded === 0) await setTimeout(10);
    for (let index = 0; index < newPaths; index++) {
      await setTimeout(1000);
      const path = storePath(waitingRecords + index);
      await spool.addRecord({ storeDir: '/nix/store', paths: [path.slice('/nix/store/'.length)] });
      added.set(path, { addedMs: performance.now() });
    }
    while (added.size > 0) await setTimeout(10);
    const perSecond = uploaded / ((performance.now() - startedMs) / 1000);
    const [, kibibytes] = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'));
    const longest = (of) => `${Math.max(...waits.map((wait) => wait[of])).toFixed(0)} ms`;
    return `first upload after ${firstMs.toFixed(0)} ms, ${perSecond.toFixed(0)} a second; a new path is taken ${longest('slotMs')} at most after there is a slot, ${longest('allMs')} after it came; peak RSS ${Math.round(kibibytes / 1024)} MiB`;
  } finally {
    worker.kill('SIGKILL');
    server.close();
    server.closeAllConnections();
  }
}

/** Two caches: `from` has every path, `to` what was put there. */
function answer(request, response) {
  const { method, url } = request;
  const [, cache, key] = /^\/(from|to)\/(.*)$/.exec(url);
  request.resume();
  if (method === 'PUT') request.on('end', () => response.end(void stored.add(key)));
  else if (key === 'nix-cache-info') response.end('StoreDir: /nix/store\n');
  else if (cache === 'to' && !stored.has(key)) response.writeHead(404).end();
  else if (key.endsWith('.narinfo')) response.end(narInfo(`${key.slice(0, 32)}-hello-2.12`));
  else response.end(nar);
}

function narInfo(name) {
  const hash = createHash('sha256').update(nar).digest('hex');
  const files = ['URL: nar/hello.nar', 'Compression: none', `FileHash: sha256:${hash}`, `FileSize: ${nar.length}`];
  return [
    `StorePath: /nix/store/${name}`,
    ...files,
    `NarHash: sha256:${hash}`,
    `NarSize: ${nar.length}`,
    'References: \n',
  ].join('\n');
}

function createNar(contents) {
  const strings = ['nix-archive-1', '(', 'type', 'regular', 'contents', contents, ')'];
  return Buffer.concat(
    strings.flatMap((text) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      return [length, Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8), '\0'))];
    }),
  );
}

function report(name, args) {
  const runs = Array.from({ length: rounds }, () => measure(args)).sort((left, right) => left.ms - right.ms);
  const { ms } = runs[rounds / 2];
  const cpuMs = runs.map((run) => run.cpuMs).sort((left, right) => left - right)[rounds / 2];
  console.log(`${name.padEnd(42)}${ms.toFixed(0).padStart(9)}${cpuMs.toFixed(0).padStart(9)}`);
}

function measure(args) {
  const atExit = `process.on('exit', () => console.error(JSON.stringify(process.cpuUsage())))`;
  const startedMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['--import', `data:text/javascript,${atExit}`, ...args], {
    env: { ...process.env, NARKIT_CONFIG: join(directory, 'config.toml') },
  });
  const ms = performance.now() - startedMs;
  if (status !== 0) throw new Error(String(stderr));
  const { user, system } = JSON.parse(String(stderr));
  return { ms, cpuMs: (user + system) / 1000 };
}

/** In a process of its own, on a store and a cache that are names and nothing else. */
function measureReconcile() {
  const program = `
    import { encodeNix32, openBinaryCacheStore, createMemoryBackend, openSpool, reconcile } from '${pathToFileURL(fromRoot('dist/index.js'))}';
    import { createHash } from 'node:crypto';
    const hashPart = (index) => encodeNix32(createHash('sha1').update(String(index)).digest());
    // So that the list of each prefix need not hash all.
    const firstCharacters = Uint8Array.from({ length: ${paths} }, (_, index) => hashPart(index).charCodeAt(0));
    const from = {
      uri: 'names', storeDir: '/nix/store',
      async *queryAllValidPaths() { for (let index = 0; index < ${paths}; index++) yield hashPart(index) + '-hello-2.12'; },
    };
    const backend = {
      ...createMemoryBackend(),
      async *list(prefix) {
        for (let index = 0; index < ${paths}; index += 2) {
          if (firstCharacters[index] !== prefix.charCodeAt(0)) continue;
          const key = hashPart(index) + '.narinfo';
          if (key.startsWith(prefix)) yield { key, size: 1 };
        }
      },
    };
    const spool = await openSpool('${directory}/reconciled', { create: true, gcRootsDirectory: false });
    const { lacking } = await reconcile(spool, from, [await openBinaryCacheStore(backend)], { dryRun: true });
    const { maxRSS } = process.resourceUsage();
    console.log(lacking + ' lacking, peak RSS ' + Math.round(maxRSS / 1024) + ' MiB');
  `;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  if (status !== 0) throw new Error(String(stderr));
  return String(stdout).trim();
}
