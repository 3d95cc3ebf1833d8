/**
 * Taking the bytes of a NAR before its name, which is their hash, is known.
 *
 * @module
 */
import { createSpool } from '#spool';
import type { AbortOptions } from '../abort.ts';
import type { Backend, StagedObject } from '../backend/backend.ts';

/** Stage in the backend where it can, else in a spool from which it is put. */
export async function stageObject(backend: Backend, options: AbortOptions): Promise<StagedObject> {
  return (await backend.stage?.(options)) ?? stageInSpool(backend);
}

function stageInSpool(backend: Backend): StagedObject {
  const spool = createSpool();
  return {
    write: (chunk) => spool.write(chunk),
    async commit(key, options) {
      try {
        const content = spool.content();
        // The key is a hash of the bytes: what lies there under it in the right size are these bytes.
        const present = await backend.head(key, options);
        if (present?.size !== content.size) await backend.put(key, content, options);
      } finally {
        await spool.close();
      }
    },
    abort: () => spool.close(),
  };
}
