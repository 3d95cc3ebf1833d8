/**
 * Throws made-up input at everything that reads, and looks on: it must be taken, or refused with one of narkit's errors, within time and
 * memory, and the same way each time.
 *
 *   npm run fuzz -- 600                      for ten minutes
 *   npm run fuzz -- 60 --target nar,xz       some targets alone
 *   npm run fuzz -- --seed 7 --cases 5000    the same cases each time
 *   npm run fuzz -- --seed 7 --case 4711     one of them
 *
 * What it finds is printed with its seed and number, and written to `--save DIR` (the system's folder for temporary files unless given).
 * A case goes into `fixtures/fuzz/<target>/`, from where every run begins with it, once what it showed is mended.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readCorpus } from './fuzz/corpus.mjs';
import { Random } from './fuzz/random.mjs';
import { createTargets } from './fuzz/targets.mjs';

/** A case takes milliseconds; so long it takes only when it hangs, also on a busy machine. */
const longestCaseMs = 20_000;
/** Of the whole process. A case may take 4 MiB out of an archive, whose window may be 128 MiB. */
const mostMemory = 1_500_000_000;

if (isMainThread) await supervise();
else await work(workerData);

async function supervise() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      target: { type: 'string' },
      case: { type: 'string' },
      cases: { type: 'string' },
      save: { type: 'string' },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  const seconds = Number(positionals[0] ?? (values.cases === undefined ? 60 : 3600));
  const options = {
    seed,
    first: Number(values.case ?? 0),
    last: values.case === undefined ? Number(values.cases ?? Number.MAX_SAFE_INTEGER) : Number(values.case) + 1,
    until: Date.now() + seconds * 1000,
    names: values.target?.split(','),
    save: values.save ?? tmpdir(),
    sandbox: mkdtempSync(join(tmpdir(), 'narkit-fuzz-')),
  };
  console.log(`fuzzing with --seed ${seed} on Node ${process.version}`);
  const begun = Date.now();
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  let current = { at: Date.now(), place: 'the corpus' };
  let findings = 0;
  let peak = 0;
  let counts = {};
  const watch = setInterval(() => {
    const { rss } = process.memoryUsage();
    peak = Math.max(peak, rss);
    const stands = Date.now() - current.at > longestCaseMs;
    if (!stands && rss < mostMemory) return;
    findings++;
    console.log(`FOUND ${current.place}: ${stands ? 'it hangs' : `${Math.round(rss / 1e6)} MB`}`);
    clearInterval(watch);
    void worker.terminate();
  }, 100);
  worker.on('message', (message) => {
    if (message.finding !== undefined) {
      findings++;
      console.log(message.finding);
    } else if (message.counts !== undefined) counts = message.counts;
    else current = { at: Date.now(), place: message.place };
  });
  worker.on('error', (error) => {
    findings++;
    console.log(`FOUND ${current.place}:`, error);
  });
  await new Promise((resolve) => worker.on('exit', resolve));
  clearInterval(watch);
  rmSync(options.sandbox, { recursive: true, force: true });
  let total = 0;
  for (const [name, { cases, taken }] of Object.entries(counts)) {
    total += cases;
    console.log(`${name.padEnd(16)}${String(cases).padStart(9)} cases, ${taken} taken`);
  }
  const took = Math.round((Date.now() - begun) / 1000);
  console.log(`${total} cases in ${took} s, at most ${Math.round(peak / 1e6)} MB: ${findings} found`);
  process.exitCode = findings === 0 ? 0 : 1;
}

async function work({ seed, first, last, until, names, save, sandbox }) {
  const narkit = await loadLibrary();
  const all = createTargets(narkit, sandbox);
  const targets = all.filter(({ name }) => names === undefined || names.includes(name));
  const corpus = await readCorpus({ ...narkit, targets: all });
  const counts = Object.fromEntries(targets.map(({ name }) => [name, { cases: 0, taken: 0 }]));

  const runCase = async (target, input, random, place) => {
    parentPort.postMessage({ place });
    counts[target.name].cases++;
    try {
      await target.run(random, input.slice());
      counts[target.name].taken++;
    } catch (error) {
      if (narkit.isNarkitError(error)) return;
      const file = join(save, `narkit-fuzz-${target.name}-${place.replaceAll(/[^0-9a-z]+/gi, '-')}`);
      writeFileSync(file, input);
      const stack = String(error?.stack ?? error).slice(0, 2000);
      parentPort.postMessage({ finding: `FOUND ${place}: ${stack}\n  the input: ${file}` });
    }
  };

  if (first === 0)
    for (const target of targets)
      for (const [index, input] of corpus[target.name].entries())
        await runCase(target, input, new Random(index), `seed ${index} of ${target.name}`);
  for (let number = first; number < last && Date.now() < until; number++) {
    const target = targets[number % targets.length];
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
    const input = target.make(random, corpus[target.name]);
    await runCase(target, input, random, `${target.name} --seed ${seed} --case ${number}`);
  }
  parentPort.postMessage({ counts });
  process.exit(0);
}

/** The library as it is built, with parts that it does not export. */
async function loadLibrary() {
  const at = (path) => import(new URL(`../dist/${path}.js`, import.meta.url).href);
  const [nar, narinfo, fileSystem, derivation, compression] = await Promise.all(
    ['nar', 'narinfo', 'file-system', 'derivation', 'compression'].map((folder) => at(`${folder}/index`)),
  );
  const internal = {
    ...(await at('compression/archive-reader')),
    ...(await at('compression/guarded')),
    ...(await at('compression/zstd/zstd-decoder')),
    ...(await at('file-system/remove-tree')),
    ...(await at('store/daemon/messages')),
    ...(await at('store/daemon/wire-reader')),
    ...(await at('store/daemon/wire-values')),
    portableGzip: (await at('compression/gzip-portable')).gzip,
    xzReference: await loadLiblzma(),
  };
  const { isNarkitError } = await at('errors');
  return { nar, narinfo, fileSystem, derivation, compression, internal, isNarkitError };
}

/** What liblzma makes of an archive, `undefined` where it refuses it or is not installed. */
async function loadLiblzma() {
  const liblzma = await import('node-liblzma').catch(() => undefined);
  if (liblzma === undefined) return undefined;
  return (bytes) => liblzma.unxzAsync(Buffer.from(bytes)).catch(() => undefined);
}
