/**
 * Taking the bytes of a NAR before its name, which is their hash, is known.
 *
 * @module
 */
import { createSpool } from '#spool';
import type { AbortOptions } from '../abort.ts';
import type { Backend, Content, PutOptions, StagedObject } from '../backend/backend.ts';

/** A file of so many bytes is sent in about the time that it takes to ask a server far away whether it has it. */
const askingPaysBytes = 256 * 1024;

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
        await putOnce(backend, key, spool.content(), options);
      } finally {
        await spool.close();
      }
    },
    abort: () => spool.close(),
  };
}

/**
 * Put a file that may be there: its key is a hash of its bytes, so what lies there under it in the right size are these bytes. For a small
 * one that is asked only where the server does not take it: it may take no file twice.
 */
async function putOnce(
  backend: Backend,
  key: string,
  content: Content,
  options: PutOptions | undefined,
): Promise<void> {
  const isThere = async (): Promise<boolean> => (await backend.head(key, options))?.size === content.size;
  if (content.size >= askingPaysBytes) {
    if (!(await isThere())) await backend.put(key, content, options);
    return;
  }
  try {
    await backend.put(key, content, options);
  } catch (error) {
    options?.signal?.throwIfAborted();
    if (!(await isThere().catch(() => false))) throw error;
  }
}
