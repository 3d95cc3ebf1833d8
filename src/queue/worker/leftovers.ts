/**
 * What a worker that was killed leaves at a destination: parts of objects in S3, temporary files in a directory.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import type { AbortOptions } from '../../abort.ts';
import type { Backend } from '../../backend/backend.ts';
import { clearTemporaryFiles } from '../../backend/filesystem/index.ts';
import type { S3Backend } from '../../backend/s3/index.ts';
import type { UnderWay } from './under-way.ts';

/** Smaller objects never go up in parts: it is the lowest bound that there is (see `S3Settings`). */
const smallestInParts = 5 * 1024 * 1024;

/** The same backend, which writes down what it puts in parts. */
export function noteUploads(backend: Backend, destination: string, underWay: UnderWay): Backend {
  if (!('abortUploads' in backend)) return backend;
  const { abortUploads } = backend as S3Backend;
  return {
    ...backend,
    async put(key, content, options) {
      const size = content instanceof Uint8Array ? content.length : content.size;
      if (size <= smallestInParts) return backend.put(key, content, options);
      const hasLeftovers = underWay.leftovers(destination).includes(key);
      await underWay.begin(destination, key);
      try {
        await backend.put(key, content, options);
        if (hasLeftovers) await abortUploads(key, options);
        await underWay.end(destination, key);
      } catch (error) {
        underWay.fail(destination, key);
        throw error;
      }
    },
  };
}

/**
 * Take away what this worker's failures and killed workers left, and nothing of other uploaders to the same place: only keys that were
 * written down, and files of the killed processes that nobody has written to since this one runs.
 */
export async function clearLeftovers(
  backend: Backend,
  destination: string,
  underWay: UnderWay,
  options: AbortOptions,
): Promise<void> {
  if ('abortUploads' in backend)
    for (const key of underWay.leftovers(destination)) {
      await (backend as S3Backend).abortUploads(key, options);
      await underWay.end(destination, key);
    }
  if (backend.uri.startsWith('file:'))
    for (const processId of underWay.killedProcessIds(destination)) {
      const olderThanMs = process.uptime() * 1000;
      await clearTemporaryFiles(fileURLToPath(backend.uri), { ...options, olderThanMs, processId });
    }
  underWay.cleared(destination);
}
