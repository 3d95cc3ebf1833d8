/**
 * Small NARs in worker threads: there, one call each unpacks and hashes, while this thread reads and asks who signed.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { zlibHasZstd } from '../compression/zstd/zstd-zlib.ts';
import type { NarDigester, NarDigests } from './nar-digester.ts';

/** More find nothing to do: reading, and looking at narinfo files, is this thread's work. */
const mostWorkers = 4;

/** The thread's program: a text, for a worker's file would need another place in the sources than in the package. */
const program = `
const { createHash } = require('node:crypto');
const zlib = require('node:zlib');
const { parentPort, workerData } = require('node:worker_threads');

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

async function prepare() {
  // With a byte of room left zlib does not ask for more; it takes no buffer of less than 64.
  if (workerData.zstd === undefined)
    return (frame, size) => zlib.zstdDecompressSync(frame, { chunkSize: Math.max(size + 1, 64), maxOutputLength: size });
  const zstd = require(workerData.zstd);
  await zstd.init();
  return (frame, size) => zstd.decompress(frame, { defaultHeapSize: size });
}

const preparing = prepare();
parentPort.on('message', async ({ frame, narSize }) => {
  let digests;
  try {
    const decompress = await preparing;
    const nar = decompress(frame, narSize);
    if (nar.length === narSize) digests = { fileDigest: sha256(frame), narDigest: sha256(nar) };
  } catch {
    // The other side finds out why.
  }
  parentPort.postMessage(digests);
});
`;

interface Thread {
  readonly worker: Worker;
  /** Who waits for answers, which come in the order of the questions. */
  readonly waiting: ((digests: NarDigests | undefined) => void)[];
}

/** One thread, and more when there is work for them; `undefined` where one core does it all. */
export function createNarDigester(cores: number = availableParallelism()): NarDigester | undefined {
  const parallelism = Math.min(cores - 1, mostWorkers);
  if (parallelism === 0) return undefined;
  const threads: Thread[] = [];
  let isBroken = false;

  function start(): Thread {
    const workerData = zlibHasZstd ? {} : { zstd: createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm') };
    const worker = new Worker(program, { eval: true, workerData, name: 'narkit digester', env: {}, execArgv: [] });
    const thread: Thread = { worker, waiting: [] };
    const end = (): void => {
      isBroken = true;
      for (const answer of thread.waiting.splice(0)) answer(undefined);
    };
    worker.on('message', (digests: NarDigests | undefined) => {
      thread.waiting.shift()?.(digests);
      if (thread.waiting.length === 0) worker.unref();
    });
    worker.on('error', end).on('exit', end);
    threads.push(thread);
    return thread;
  }

  function leastBusy(): Thread {
    const thread = threads.reduce((least, other) => (other.waiting.length < least.waiting.length ? other : least));
    return thread.waiting.length > 0 && threads.length < parallelism ? start() : thread;
  }

  // It starts while this thread looks around.
  start().worker.unref();
  return {
    digest(frame, narSize) {
      if (isBroken) return Promise.resolve(undefined);
      const { worker, waiting } = leastBusy();
      return new Promise((resolve) => {
        waiting.push(resolve);
        worker.ref();
        worker.postMessage({ frame, narSize }, [frame.buffer]);
      });
    },
    async close() {
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}
