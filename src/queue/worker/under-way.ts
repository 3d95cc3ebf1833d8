/**
 * `under-way.json`: what the worker has begun at destinations that a kill would leave there half done, for the next worker to take away.
 *
 * @module
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../file-system/file-system-error.ts';

/** An object that is being put in parts. */
interface Begun {
  /** As {@link destinationName} calls it. */
  readonly to: string;
  readonly key: string;
}

/** What is under way, on disk before it is begun. */
export interface UnderWay {
  /** The worker before this one, if it was killed. */
  readonly killedProcessId: number | undefined;
  begin(destination: string, key: string): Promise<void>;
  /** It is done, or taken away. */
  end(destination: string, key: string): Promise<void>;
  /** It failed, and may have left something. */
  fail(destination: string, key: string): void;
  /** Keys that others, or failures, left behind at a destination: what is not on its way now. */
  leftovers(destination: string): readonly string[];
  /** All is put away: the worker ends. */
  close(): Promise<void>;
}

/** Read what the worker before left, and begin a new file. */
export async function openUnderWay(directory: string): Promise<UnderWay> {
  const file = join(directory, 'under-way.json');
  const before = await readBefore(file);
  /** `true` for what is on its way now. */
  const begun = new Map<string, boolean>(before.begun.map((entry) => [JSON.stringify([entry.to, entry.key]), false]));
  let writing = Promise.resolve();

  function write(): Promise<void> {
    const written = writing.then(async () => {
      const list = [...begun.keys()].map((text) => JSON.parse(text) as [string, string]);
      const entries: Begun[] = list.map(([to, key]) => ({ to, key }));
      await writeFile(`${file}.new`, JSON.stringify({ version: 1, processId: process.pid, begun: entries }));
      await rename(`${file}.new`, file);
    });
    writing = written.catch(() => {});
    return written;
  }

  await write();
  return {
    killedProcessId: before.processId,
    async begin(destination, key) {
      begun.set(JSON.stringify([destination, key]), true);
      await write();
    },
    async end(destination, key) {
      begun.delete(JSON.stringify([destination, key]));
      await write();
    },
    fail: (destination, key) => void begun.set(JSON.stringify([destination, key]), false),
    leftovers: (destination) =>
      [...begun].flatMap(([text, isNow]) => {
        const [to, key] = JSON.parse(text) as [string, string];
        return to === destination && !isNow ? [key] : [];
      }),
    async close() {
      if (begun.size > 0) await write();
      else await rm(file, { force: true });
    },
  };
}

async function readBefore(
  file: string,
): Promise<{ readonly processId: number | undefined; readonly begun: readonly Begun[] }> {
  try {
    const { processId, begun } = JSON.parse(await readFile(file, 'utf8')) as { processId?: unknown; begun?: unknown };
    const isBegun = (entry: Partial<Record<keyof Begun, unknown>>): boolean =>
      typeof entry?.to === 'string' && typeof entry.key === 'string';
    return {
      processId: Number.isSafeInteger(processId) ? (processId as number) : undefined,
      begun: Array.isArray(begun) ? (begun.filter(isBegun) as Begun[]) : [],
    };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return { processId: undefined, begun: [] };
    throw error;
  }
}
