/**
 * Paths in the store of a real Nix, registered in its database and not built.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeNix32 } from '../../src/hash/nix32.ts';
import type { NixPlace } from '../../test/peers/nix-place.ts';
import { createContents } from '../fixtures/contents.ts';

/** So many paths each path refers to: those of a closure form a tree. */
const referencesEach = 8;
const blockSize = 64 * 1024 * 1024;

/** One file of a size, of a block of contents that repeats beyond what zstd looks back; its store path. */
export async function addLargePath(place: NixPlace, size: number): Promise<string> {
  const path = storePath(place, `large-${size}`);
  await mkdir(place.realStoreDir, { recursive: true });
  const file = await open(join(place.realStoreDir, baseName(path)), 'wx');
  const block = createContents(1)(Math.min(size, blockSize));
  for (let written = 0; written < size; written += block.length)
    await file.write(block, 0, Math.min(block.length, size - written));
  await file.close();
  await register(place, `${path}\n\n0\n`);
  return path;
}

/** So many files of a size; the store path whose closure they are. Each names its references in its contents. */
export async function addClosure(place: NixPlace, count: number, size: number): Promise<string> {
  await mkdir(place.realStoreDir, { recursive: true });
  const paths = Array.from({ length: count }, (_, index) => storePath(place, `path-${count}-${size}-${index}`));
  const nextContents = createContents(2);
  let records = '';
  for (const [index, path] of paths.entries()) {
    const references = paths.slice(index * referencesEach + 1, (index + 1) * referencesEach + 1);
    const text = Buffer.from(`${[path, ...references].join('\n')}\n`);
    const contents = Buffer.concat([text, nextContents(Math.max(0, size - text.length))]);
    await writeFile(join(place.realStoreDir, baseName(path)), contents);
    records += `${[path, '', references.length, ...references].join('\n')}\n`;
  }
  await register(place, records);
  return paths[0]!;
}

function storePath({ storeDir }: NixPlace, name: string): string {
  return `${storeDir}/${encodeNix32(createHash('sha1').update(name).digest())}-${name}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** By Nix itself, which hashes the files. */
async function register(place: NixPlace, records: string): Promise<void> {
  await place.run('nix-store', ['--register-validity'], { input: records });
}
