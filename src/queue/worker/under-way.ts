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

/** A worker that was killed, and the destinations where nobody looked yet for what it left. */
interface Killed {
  readonly processId: number;
  readonly at: readonly string[];
}

/** What is under way, on disk before it is begun. */
export interface UnderWay {
  /** Workers before this one that were killed, and may have left something at a destination. */
  killedProcessIds(destination: string): readonly number[];
  /** They have nothing there any more. */
  cleared(destination: string): void;
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

/** Of workers that are killed over and over, those before these are forgotten. */
const maximumKilled = 100;

/**
 * Read what the workers before left, and begin a new file. Where it cannot be written, uploads go on: a kill may leave more behind, then.
 *
 * @param destinations all that there are, as {@link destinationName} calls them.
 * @param onError is told when the file cannot be written, once until it can.
 */
export async function openUnderWay(
  directory: string,
  destinations: readonly string[],
  onError: (error: unknown) => void,
): Promise<UnderWay> {
  const file = join(directory, 'under-way.json');
  const before = await readBefore(file);
  let { killed } = before;
  /** `true` for what is on its way now. */
  const begun = new Map<string, boolean>(before.begun.map((entry) => [JSON.stringify([entry.to, entry.key]), false]));
  let own: readonly Killed[] = [{ processId: process.pid, at: destinations }];
  let writing = Promise.resolve();
  let fails = false;

  function write(): Promise<void> {
    writing = writing.then(writeNow).then(
      () => {
        fails = false;
      },
      (error: unknown) => {
        if (!fails) onError(error);
        fails = true;
      },
    );
    return writing;
  }

  async function writeNow(): Promise<void> {
    if (own.length + killed.length + begun.size === 0) return rm(file, { force: true });
    const list = [...begun.keys()].map((text) => JSON.parse(text) as [string, string]);
    const entries: Begun[] = list.map(([to, key]) => ({ to, key }));
    const workers = [...killed, ...own].slice(-maximumKilled);
    await writeFile(`${file}.new`, JSON.stringify({ version: 1, workers, begun: entries }));
    await rename(`${file}.new`, file);
  }

  await write();
  return {
    killedProcessIds: (destination) =>
      killed.filter(({ at }) => at.includes(destination)).map(({ processId }) => processId),
    cleared(destination) {
      killed = killed
        .map(({ processId, at }) => ({ processId, at: at.filter((one) => one !== destination) }))
        .filter(({ at }) => at.length > 0);
    },
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
      own = [];
      await write();
    },
  };
}

async function readBefore(
  file: string,
): Promise<{ readonly killed: readonly Killed[]; readonly begun: readonly Begun[] }> {
  try {
    const { workers, begun } = JSON.parse(await readFile(file, 'utf8')) as { workers?: unknown; begun?: unknown };
    return {
      killed: Array.isArray(workers) ? workers.filter(isKilled) : [],
      begun: Array.isArray(begun) ? begun.filter(isBegun) : [],
    };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return { killed: [], begun: [] };
    throw error;
  }
}

function isKilled(value: unknown): value is Killed {
  const { processId, at } = (value ?? {}) as Partial<Record<keyof Killed, unknown>>;
  return Number.isSafeInteger(processId) && Array.isArray(at) && at.every((name) => typeof name === 'string');
}

function isBegun(value: unknown): value is Begun {
  const { to, key } = (value ?? {}) as Partial<Record<keyof Begun, unknown>>;
  return typeof to === 'string' && typeof key === 'string';
}
