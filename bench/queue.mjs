/**
 * What `narkit queue status` takes with 100,000 records waiting, and what `reconcile` holds in memory for a million paths: a table.
 *
 *   npm run bench:queue
 *
 * `TMPDIR` tells the disk.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const rounds = 10;
const waitingRecords = 100_000;
const paths = 1_000_000;

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'narkit-bench-queue-'));
try {
  fillQueue(waitingRecords);
  const narkit = fromRoot('dist/cli/narkit.js');
  console.log('                                          median ms   CPU ms');
  report('node -e 0', ['-e', '0']);
  report('narkit --version', [narkit, '--version']);
  report(`narkit queue status, ${waitingRecords.toLocaleString('en')} records`, [narkit, 'queue', 'status']);
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
    const path = `/nix/store/${String(index).padStart(32, '0')}-hello-2.12`;
    const record = { version: 1, time: start + index, storeDir: '/nix/store', paths: [path] };
    writeFileSync(join(incoming, `${start + index}-1-1-${index.toString(36)}.json`), JSON.stringify(record));
  }
  const config = `to = "file://${directory}/cache"\n[queue]\ndirectory = "${directory}/queue"\ngc-roots = false\n`;
  writeFileSync(join(directory, 'config.toml'), config);
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
