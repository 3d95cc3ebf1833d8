/**
 * Broken narinfo files out of sight, and none destroyed.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type Backend, BackendError } from '../backend/backend.ts';
import { concatBytes } from '../bytes/index.ts';
import { narInfoContentType } from '../narinfo/index.ts';
import { quarantineFolder } from './cache-files.ts';

const maximumBytes = 64 * 1024 * 1024;

/** A folder for what is put out of sight at this time: `quarantine/20261122T184632Z/`. */
export function quarantineFolderOf(date: Date): string {
  return `${quarantineFolder}${date.toISOString().replaceAll(/[-:]|\.\d+/g, '')}/`;
}

/**
 * Move an object, to the byte as it lies there.
 *
 * @returns the new key, or `undefined` when there was nothing to move.
 * @throws {@link BackendError} `object-too-large`, and what keeps it from being read, written or deleted; it is where it was, then.
 */
export async function moveToQuarantine(
  backend: Backend,
  key: string,
  folder: string,
  options: AbortOptions,
): Promise<string | undefined> {
  const object = await backend.get(key, options);
  if (object === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of object.body) {
    size += chunk.length;
    if (size > maximumBytes)
      throw new BackendError('object-too-large', `'${key}' of '${backend.uri}' is too large to be put aside`, {
        uri: backend.uri,
        key,
      });
    chunks.push(chunk);
  }
  const { contentEncoding } = object;
  const destination = folder + key;
  await backend.put(destination, concatBytes(chunks), { ...options, contentType: narInfoContentType, contentEncoding });
  await backend.delete(key, options);
  return destination;
}
