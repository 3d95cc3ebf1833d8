/**
 * zstd in worker threads, for a Node whose zlib has none.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { createSlots } from '../slots.ts';
import { takingTurns } from '../turns.ts';
import type { ZstdEngine } from './zstd-engine.ts';
import { type ZstdWorkerAnswer, type ZstdWorkerData, zstdWorkerSource } from './zstd-worker-source.ts';

/** More workers than this find nothing to do: reading and hashing a NAR is one thread's work. */
const mostWorkers = 8;

/**
 * libzstd as WebAssembly in worker threads, which start when there is work for them and do not keep the process from ending.
 */
export function createWorkerZstdEngine(): ZstdEngine {
  const parallelism = Math.min(availableParallelism(), mostWorkers);
  const slots = createSlots(parallelism);
  const idle = new Set<Worker>();
  return {
    framesAhead: parallelism - 1, // a frame that waits for a worker is memory
    takesMemory: true,
    encodeFrame: (content, level, signal) =>
      slots.run(async () => {
        const [worker = startWorker((ended) => idle.delete(ended))] = idle;
        idle.delete(worker);
        try {
          const frame = await encode(worker, content, level);
          idle.add(worker);
          return frame;
        } catch (error) {
          await worker.terminate();
          throw error;
        }
      }, signal),
    async *decode(archive) {
      const { decodeZstd } = await import('./zstd-decoder.ts');
      yield* takingTurns(decodeZstd(archive));
    },
  };
}

/** `ended` hears of a worker that ends by itself, perhaps for want of memory, also while it has nothing to do. */
function startWorker(ended: (worker: Worker) => void): Worker {
  const { resolve } = createRequire(import.meta.url);
  const workerData: ZstdWorkerData = { zstd: resolve('@bokuweb/zstd-wasm'), xxhash: resolve('xxhash-wasm') };
  const worker = new Worker(zstdWorkerSource, { eval: true, workerData, name: 'narkit zstd', env: {}, execArgv: [] });
  return worker.on('error', () => ended(worker)).on('exit', () => ended(worker));
}

function encode(worker: Worker, content: Uint8Array<ArrayBuffer>, level: number): Promise<Uint8Array> {
  return new Promise<Uint8Array>((resolve, reject) => {
    const exit = (code: number): void => reject(new Error(`a zstd worker thread ended with code ${code}`));
    worker.once('message', (answer: ZstdWorkerAnswer) => {
      worker.off('error', reject).off('exit', exit);
      if ('frame' in answer) resolve(answer.frame);
      else reject(answer.error);
    });
    worker.once('error', reject).once('exit', exit);
    worker.ref();
    worker.postMessage({ content, level }, [content.buffer]);
  }).finally(() => worker.unref());
}
