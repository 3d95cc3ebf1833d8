/**
 * zstd where there is no Node: libzstd as WebAssembly writes, on the calling thread.
 *
 * @module
 */
import { takingTurns } from '../turns.ts';
import { unsupported } from '../unsupported.ts';
import { addZstdChecksum } from './zstd-checksum.ts';
import { decodeZstd } from './zstd-decoder.ts';
import type { ZstdEngine } from './zstd-engine.ts';

const loadTimeoutMs = 60_000;

/** zstd by WebAssembly. */
export function createWasmZstdEngine(): ZstdEngine {
  return {
    framesAhead: 0,
    takesMemory: false,
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
  loading ??= loadOnce().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function loadOnce() {
  const [zstd, xxhash] = await Promise.all([import('@bokuweb/zstd-wasm'), import('xxhash-wasm')]);
  await withinTime(zstd.init());
  return [zstd, await xxhash.default()] as const;
}

/** The package waits for ever for a file of WebAssembly that is not served, or that may not be compiled. */
async function withinTime(initialized: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const advice = `zstd.wasm did not load within ${loadTimeoutMs / 1000} seconds: it must be served beside the program`;
    timer = setTimeout(() => reject(unsupported('zstd', 'writing', advice)), loadTimeoutMs);
  });
  await Promise.race([initialized, late]).finally(() => clearTimeout(timer));
}
