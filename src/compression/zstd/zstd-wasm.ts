/**
 * zstd where there is no Node: libzstd as WebAssembly writes, on the calling thread.
 *
 * @module
 */
import { takingTurns } from '../turns.ts';
import { addZstdChecksum } from './zstd-checksum.ts';
import { decodeZstd } from './zstd-decoder.ts';
import type { ZstdEngine } from './zstd-engine.ts';

/** zstd by WebAssembly. */
export function createWasmZstdEngine(): ZstdEngine {
  return {
    framesAhead: 0,
    async encodeFrame(content, level, signal) {
      const [{ compress }, { h64Raw }] = await load();
      signal.throwIfAborted();
      return addZstdChecksum(compress(content, level), h64Raw(content));
    },
    decode: (archive) => takingTurns(decodeZstd(archive)),
  };
}

let loading: ReturnType<typeof loadOnce> | undefined;

function load(): ReturnType<typeof loadOnce> {
  loading ??= loadOnce();
  return loading;
}

async function loadOnce() {
  const [zstd, xxhash] = await Promise.all([import('@bokuweb/zstd-wasm'), import('xxhash-wasm')]);
  await zstd.init();
  return [zstd, await xxhash.default()] as const;
}
