/**
 * A spool where there is no file system: memory, up to a ceiling.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';
import { contentOfChunks } from './memory-chunks.ts';
import type { Spool } from './spool.ts';

const maximumBytes = 512 * 1024 * 1024;

/** Keep an upload in memory. @throws {@link NarkitError} `spool-full` beyond 512 MiB. */
export function createSpool(): Spool {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    async write(chunk) {
      size += chunk.length;
      if (size > maximumBytes)
        throw new NarkitError(
          'spool-full',
          `an upload of more than ${maximumBytes} bytes needs a file system to wait in`,
        );
      chunks.push(chunk);
    },
    content: () => contentOfChunks(chunks),
    async close() {
      chunks.length = 0;
    },
  };
}
