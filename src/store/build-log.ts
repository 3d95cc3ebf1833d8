/**
 * Build logs as the local Nix keeps them.
 *
 * Rules: Nix `src/libstore/local-fs-store.cc` (`getBuildLogExact`).
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '../abort.ts';
import { concatBytes } from '../bytes/index.ts';
import type { StorePath } from '../store-path.ts';

/** More than this is no log that anybody reads; it is held in memory. */
const maximumLogBytes = 1024 * 1024 * 1024;

/** The log of a derivation's build, from `LOGS/drvs`: sharded or not, plain or bzip2. */
export async function readBuildLog(
  logDir: string,
  derivation: StorePath,
  { signal }: AbortOptions = {},
): Promise<Uint8Array | undefined> {
  const shards = join(derivation.slice(0, 2), derivation.slice(2));
  for (const name of [shards, derivation]) {
    const file = join(logDir, 'drvs', name);
    const plain = await readIfThere(file, signal);
    if (plain !== undefined) return plain;
    const compressed = await readIfThere(`${file}.bz2`, signal);
    if (compressed !== undefined) return decompressLog(compressed, signal);
  }
  return undefined;
}

async function readIfThere(file: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file, { signal });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    signal?.throwIfAborted();
    throw error;
  }
}

async function decompressLog(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
  // Codecs take time to load, and most logs are never read.
  const { findCodec } = await import('../compression/index.ts');
  const source = (async function* () {
    yield bytes;
  })();
  const chunks: Uint8Array[] = [];
  const codec = findCodec('bzip2');
  for await (const chunk of codec.decompress(source, { signal, maximumSize: maximumLogBytes })) chunks.push(chunk);
  return concatBytes(chunks);
}
