/**
 * The program of a zstd worker thread.
 *
 * It is a text and not a file because a worker's file would need another name and place in the sources than in the package
 * (Node 20 runs no TypeScript). It finds its two packages by the paths that `workerData` has.
 *
 * A message `{ content, level }` is answered by `{ frame }` or `{ error }`.
 *
 * @module
 */

/** What a worker is started with. */
export interface ZstdWorkerData {
  /** Path of the CommonJS module of `@bokuweb/zstd-wasm`. */
  readonly zstd: string;
  /** Path of the CommonJS module of `xxhash-wasm`. */
  readonly xxhash: string;
}

/** What a worker answers. */
export type ZstdWorkerAnswer = { readonly frame: Uint8Array } | { readonly error: Error };

/** CommonJS. */
export const zstdWorkerSource = `
const { parentPort, workerData } = require('node:worker_threads');
const zstd = require(workerData.zstd);
const xxhash = require(workerData.xxhash);
const ready = Promise.all([zstd.init(), (xxhash.default ?? xxhash)()]);

parentPort.on('message', async ({ content, level }) => {
  try {
    const [, { h64Raw }] = await ready;
    const compressed = zstd.compress(content, level);
    const frame = addChecksum(compressed, h64Raw(content));
    // What is used up goes back too: each thread collects its garbage for itself, and lets tens of megabytes of it gather.
    parentPort.postMessage({ frame }, [frame.buffer, compressed.buffer, content.buffer]);
  } catch (error) {
    parentPort.postMessage({ error });
  }
});

// The package has libzstd's simple function alone, which writes none: bit 2 of the descriptor says that one follows.
function addChecksum(frame, hash) {
  const withChecksum = new Uint8Array(frame.length + 4);
  withChecksum.set(frame);
  withChecksum[4] |= 4;
  new DataView(withChecksum.buffer).setUint32(frame.length, Number(hash & 0xffffffffn), true);
  return withChecksum;
}
`;
