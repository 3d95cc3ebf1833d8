/**
 * What can be told of a store path from its files alone.
 *
 * @module
 */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '../../abort.ts';
import { DerivationError, maximumDerivationBytes, parseDerivation } from '../../derivation/index.ts';
import { createHasher } from '../../hash/index.ts';
import { createIndexedScanner, type HashPartIndex } from '../../nar/reference-scan.ts';
import type { PathInfo } from '../../path-info.ts';
import type { StorePath } from '../../store-path.ts';
import { dumpStorePath, type FilesOfStore } from '../dump-store-path.ts';

/**
 * Hash, size and references of a store path, from one pass over its NAR.
 *
 * References are the paths of `names` whose hash parts stand anywhere in the NAR, the path itself among them: as Nix finds those of
 * what it builds (`src/libstore/references.cc`). Those of a derivation are its inputs, here as with Nix. Otherwise this is not what Nix
 * recorded where a derivation said `unsafeDiscardReferences`, nor for what was added to the store rather than built: that has the
 * references that it was added with, whatever stands in it.
 *
 * @param names the store paths that may be referred to, by their hash parts.
 * @param index the same hash parts.
 */
export async function scanPathInfo(
  path: StorePath,
  files: FilesOfStore,
  names: ReadonlyMap<string, StorePath>,
  index: HashPartIndex,
  options: AbortOptions = {},
): Promise<PathInfo> {
  const hasher = createHasher('sha256');
  const scanner = createIndexedScanner(index);
  let narSize = 0;
  for await (const chunk of dumpStorePath(path, files, options)) {
    hasher.update(chunk);
    scanner.push(chunk);
    narSize += chunk.length;
  }
  const found = (): StorePath[] => [...scanner.found()].map((hashPart) => names.get(hashPart)!);
  const isDerivation = path.endsWith('.drv') && narSize <= maximumDerivationBytes;
  const references = (isDerivation && (await readInputs(path, files))) || found();
  return { path, narHash: hasher.digest(), narSize, references: references.sort(), signatures: [] };
}

/** What a derivation refers to; its text also names its outputs, and those of its inputs. */
async function readInputs(path: StorePath, { realStoreDir, storeDir }: FilesOfStore): Promise<StorePath[] | undefined> {
  const file = join(realStoreDir, path);
  try {
    if (!(await lstat(file)).isFile()) return undefined;
    const { inputDerivations, inputSources } = parseDerivation(await readFile(file), { storeDir });
    return [...new Set([...inputDerivations.keys(), ...inputSources])];
  } catch (error) {
    // It is only called like a derivation.
    if (error instanceof DerivationError) return undefined;
    throw error;
  }
}
