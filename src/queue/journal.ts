/**
 * The journal: what the holder of the lock knows of the paths that wait, beyond that they wait.
 *
 * It is a hint. Lost, or cut short by a crash, it costs that a destination is asked again, and that a path gets all of its attempts
 * again; never a path.
 *
 * @module
 */
import { appendFile, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { systemCodeOf } from '../file-system/file-system-error.ts';
import type { StorePath } from '../store-path.ts';
import { formatJournalLine, type JournalLine, parseJournalLine } from './journal-line.ts';

/**
 * `waiting`: to be uploaded. `done`: the destination has it. `parked`: given up, until somebody asks for another try. `dropped`: somebody did
 * not want it. `gone`: the store has it no longer.
 */
export type Progress = 'waiting' | 'done' | 'parked' | 'dropped' | 'gone';

/** What is known of a path at a destination. */
export interface PathProgress {
  readonly path: StorePath;
  /** As {@link destinationName} calls it. */
  readonly destination: string;
  readonly progress: Progress;
  /** How often it failed for reasons of its own. */
  readonly attempts: number;
  /** When it is tried next, by the clock on the wall. */
  readonly nextAttemptMs?: number | undefined;
  readonly lastError?: { readonly code: string; readonly message: string } | undefined;
  /** Since when it is so. A record that is younger than this is not meant by `done`, `dropped` and `gone`. */
  readonly sinceMs: number;
}

/** What is known of all paths, in memory and in `journal.jsonl`. */
export interface Journal {
  /** `undefined`: it waits, and was never tried. */
  get(path: StorePath, destination: string): PathProgress | undefined;
  /** Note what became of a path at a destination. */
  set(progress: PathProgress): void;
  /** Everything of a path, at one destination or at all. */
  forget(path: StorePath, destination?: string): void;
  /** All that is known. */
  entries(): Iterable<PathProgress>;
  /** Do as if nothing waited for a destination, or, without one, for any. */
  pause(destination?: string): void;
  /** Undo a pause, of a destination or of all. */
  resume(destination?: string): void;
  /** Is all paused, or this destination? */
  isPaused(destination?: string): boolean;
  /** Get what was set into the file. */
  flush(): Promise<void>;
  /** Rewrite the file to what is known now. */
  compact(): Promise<void>;
  /** Write what was set, and let go of the file. */
  close(): Promise<void>;
}

/** How to open a journal. */
export interface OpenJournalOptions {
  /** Only look: for those who do not have the lock. */
  readonly readOnly?: boolean | undefined;
  /** Told when the file cannot be written, once until it can. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The file in the spool. */
const journalFile = 'journal.jsonl';

/** A file that cannot be written is tried again so much later: to rewrite it takes long, and a full disk stays full for a while. */
const pauseAfterFailureMs = 5_000;

/** The file is rewritten when it has more than twice as many lines as are needed, and this many more. */
const staleLinesAllowed = 1000;

/** Open the journal of a spool. What cannot be read in it is left out. */
export async function openJournal(directory: string, options: OpenJournalOptions = {}): Promise<Journal> {
  const file = join(directory, journalFile);
  const temporary = `${file}.new`;
  const known = new Map<string, Map<StorePath, PathProgress>>();
  const paused = new Set<string>();
  let allPaused = false;
  let lines = await readLines(file, apply);
  // Of who was killed while rewriting. What cannot be removed shows when it is to be written.
  if (!options.readOnly) await rm(temporary, { force: true }).catch(() => {});

  function apply(line: JournalLine): void {
    switch (line.type) {
      case 'progress':
        placesOf(line.progress.destination).set(line.progress.path, line.progress);
        return;
      case 'forget':
        if (line.destination !== undefined) known.get(line.destination)?.delete(line.path);
        else for (const paths of known.values()) paths.delete(line.path);
        return;
      case 'pause':
        if (line.destination === undefined) allPaused = line.paused;
        else if (line.paused) paused.add(line.destination);
        else paused.delete(line.destination);
    }
  }

  function placesOf(destination: string): Map<StorePath, PathProgress> {
    const paths = known.get(destination) ?? new Map<StorePath, PathProgress>();
    known.set(destination, paths);
    return paths;
  }

  function* entries(): Generator<PathProgress> {
    for (const paths of known.values()) yield* paths.values();
  }

  function* currentLines(): Generator<JournalLine> {
    if (allPaused) yield { type: 'pause', paused: true };
    for (const destination of paused) yield { type: 'pause', paused: true, destination };
    for (const progress of entries()) yield { type: 'progress', progress };
  }

  let pending: string[] = [];
  /** Set when the file lacks what is known: only all of it will do. */
  let torn = false;
  let writing: Promise<void> | undefined;
  let fails = false;
  let again: NodeJS.Timeout | undefined;

  function record(line: JournalLine): void {
    apply(line);
    if (options.readOnly) return;
    // A file that is to be rewritten gets it by that.
    if (!torn || writing !== undefined) pending.push(formatJournalLine(line));
    if (again === undefined) writeSoon();
  }

  /** What cannot be written now is written later: the journal is a hint. */
  function writeSoon(): void {
    again = undefined;
    write().then(
      () => {
        fails = false;
      },
      (error: unknown) => {
        if (!fails) options.onError?.(error);
        fails = true;
        again ??= setTimeout(writeSoon, pauseAfterFailureMs).unref();
      },
    );
  }

  /** One write at a time; what comes meanwhile goes together into the next. */
  function write(): Promise<void> {
    writing ??= writePending().finally(() => {
      writing = undefined;
    });
    return writing;
  }

  async function writePending(): Promise<void> {
    await setImmediate();
    while (pending.length > 0 || torn) {
      const needed = [...known.values()].reduce((sum, paths) => sum + paths.size, 0);
      if (torn || lines + pending.length > 2 * needed + staleLinesAllowed) await rewrite();
      else await append();
    }
  }

  async function append(): Promise<void> {
    const batch = pending;
    pending = [];
    torn = true;
    try {
      // A line that a crash cut short must not take the next with it.
      await appendFile(file, `\n${batch.join('')}`, { mode: 0o640 });
    } catch (error) {
      // Of another user, who had the lock before: one of our own takes its place.
      if (systemCodeOf(error) === 'EACCES') return;
      throw error;
    }
    torn = false;
    lines += batch.length;
  }

  async function rewrite(): Promise<void> {
    pending = [];
    torn = true;
    try {
      const handle = await open(temporary, 'w', 0o640);
      try {
        lines = 0;
        for (const text of inBlocks(currentLines())) {
          await handle.appendFile(text.block);
          lines += text.lines;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
    } catch (error) {
      // On a full disk, hooks need the room.
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
    torn = false;
  }

  return {
    get: (path, destination) => known.get(destination)?.get(path),
    set: (progress) => record({ type: 'progress', progress: withShortMessage(progress) }),
    forget(path, destination) {
      const isKnown = destination === undefined ? [...known.values()] : [known.get(destination)];
      if (isKnown.some((paths) => paths?.has(path))) record({ type: 'forget', path, destination });
    },
    entries,
    pause: (destination) => record({ type: 'pause', paused: true, destination }),
    resume: (destination) => record({ type: 'pause', paused: false, destination }),
    isPaused: (destination) => allPaused || (destination !== undefined && paused.has(destination)),
    async flush() {
      if (!options.readOnly) await write();
    },
    async compact() {
      torn = true;
      await write();
    },
    async close() {
      clearTimeout(again);
      if (!options.readOnly) await write();
    },
  };
}

/** Hand on what the lines of the file say. @returns how many there are. */
async function readLines(file: string, take: (line: JournalLine) => void): Promise<number> {
  let count = 0;
  try {
    const handle = await open(file);
    for await (const text of handle.readLines()) {
      const line = parseJournalLine(text);
      count++;
      if (line !== undefined) take(line);
    }
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
  return count;
}

/** The text of many lines, in blocks of some. What is known may change between two: each line is true when it is written. */
function* inBlocks(all: Iterable<JournalLine>): Generator<{ readonly block: string; readonly lines: number }> {
  let block: string[] = [];
  for (const line of all) {
    block.push(formatJournalLine(line));
    if (block.length < 1000) continue;
    yield { block: block.join(''), lines: block.length };
    block = [];
  }
  yield { block: block.join(''), lines: block.length };
}

const longestMessage = 500;

function withShortMessage(progress: PathProgress): PathProgress {
  const { lastError } = progress;
  if (lastError === undefined || lastError.message.length <= longestMessage) return progress;
  return { ...progress, lastError: { ...lastError, message: `${lastError.message.slice(0, longestMessage)}…` } };
}
