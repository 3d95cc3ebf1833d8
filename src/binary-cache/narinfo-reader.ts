/**
 * The narinfo files of a binary cache.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import { type NarInfo, narInfoKey } from '../narinfo/narinfo.ts';
import { maximumNarInfoBytes, type ParseNarInfoOptions, parseNarInfo } from '../narinfo/parse.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath, storePathHashPart } from '../store-path.ts';
import { readFile } from './read-file.ts';

/** How a narinfo is read. */
export interface ReadNarInfoOptions extends AbortOptions, Pick<ParseNarInfoOptions, 'onQuirk'> {}

/**
 * The narinfo under a hash part, or `undefined` when the cache has none.
 *
 * @throws {@link StoreError} `narinfo-mismatch` when it is for another hash part than the one asked for;
 * NarInfoError when it cannot be parsed.
 */
export async function readNarInfo(
  backend: Backend,
  storeDir: string,
  hashPart: string,
  options: ReadNarInfoOptions,
): Promise<NarInfo | undefined> {
  const key = `${hashPart}.narinfo`;
  const { signal, onQuirk } = options;
  const bytes = await readFile(backend, key, { signal, maximumBytes: maximumNarInfoBytes });
  if (bytes === undefined) return undefined;
  const where = `${key} of ${backend.uri}`;
  const info = parseNarInfo(bytes, { storeDir, where, ...(onQuirk && { onQuirk }) });
  if (storePathHashPart(info.path) === hashPart) return info;
  const path = formatStorePath(info.path, storeDir);
  throw new StoreError('narinfo-mismatch', `'${where}' is the narinfo of another path, '${path}'`, {
    uri: backend.uri,
    path,
  });
}

/**
 * The narinfo of a path, or `undefined` when the cache has none.
 *
 * @throws {@link StoreError} `narinfo-mismatch` when what lies there is for a path of another name.
 */
export async function readNarInfoOf(
  backend: Backend,
  storeDir: string,
  path: StorePath,
  options: ReadNarInfoOptions,
): Promise<NarInfo | undefined> {
  const info = await readNarInfo(backend, storeDir, storePathHashPart(path), options);
  if (info === undefined || info.path === path) return info;
  throw new StoreError(
    'narinfo-mismatch',
    `'${narInfoKey(path)}' of '${backend.uri}' is the narinfo of '${formatStorePath(info.path, storeDir)}', ` +
      `not of '${formatStorePath(path, storeDir)}'`,
    { uri: backend.uri, path: formatStorePath(path, storeDir) },
  );
}
