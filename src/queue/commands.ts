/**
 * What a person tells the queue: try again, drop, pause, resume.
 *
 * A command is a file in the spool's `commands/`. Whoever holds the lock carries it out: the worker, or, where none runs, the process that
 * wrote it.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, NarkitError } from '../errors.ts';
import { systemCodeOf } from '../file-system/file-system-error.ts';
import { parseStorePathBaseName, type StorePath } from '../store-path.ts';
import type { Journal, PathProgress } from './journal.ts';
import { QueueError } from './queue-error.ts';
import { findProgress, readQueuedPaths, readRecords } from './queued-path.ts';
import type { QueueRecord } from './record.ts';
import type { Spool } from './spool.ts';

/** What a person tells the queue. Destinations are called as {@link destinationName} does; without one, all are meant. */
export type QueueCommand =
  | { readonly command: 'retry' | 'drop'; readonly paths: readonly StorePath[] | 'parked' | 'all' }
  | { readonly command: 'pause' | 'resume'; readonly destination?: string | undefined };

/** A command that was carried out. */
export interface AppliedCommand {
  readonly id: string;
  /** `undefined` for a file that held none. */
  readonly command: QueueCommand | undefined;
  /** How many paths, or for `pause` and `resume` destinations, it changed something for. */
  readonly changed: number;
  /** What was wrong with the file. */
  readonly error?: Error;
}

/** Where commands lie in a spool. */
export const commandsFolder = 'commands';

/** A path has at most 244 characters, and a command names no more than a person's shell lets through. */
const maximumBytes = 16 * 1024 * 1024;

/** Leave a command for whoever has the lock, or gets it next. @returns its id. @throws {@link QueueError} `spool` */
export async function writeCommand(directory: string, command: QueueCommand): Promise<string> {
  const id = `${String(Date.now()).padStart(13, '0')}-${process.pid}-${randomUUID()}`;
  const place = join(directory, commandsFolder);
  const unfinished = join(place, `.${id}`);
  try {
    await mkdir(place, { recursive: true });
    await writeFile(unfinished, JSON.stringify({ version: 1, ...command }), { flag: 'wx', mode: 0o640 });
    await rename(unfinished, join(place, `${id}.json`));
    return id;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw new QueueError('spool', place, `cannot leave a command in '${place}': ${messageOf(error)}`, { cause: error });
  }
}

/** The ids of the commands that nobody carried out yet, oldest first. */
export async function listCommandIds(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, commandsFolder)).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names.flatMap((name) => /^([^.].*)\.json$/.exec(name)?.[1] ?? []).sort();
}

/**
 * Carry out all commands that lie in the spool, oldest first. For the holder of the lock.
 *
 * Afterwards the journal says what is so; what the worker has in memory of these paths and destinations is out of date.
 *
 * @param destinations all that there are, as {@link destinationName} calls them.
 */
export async function applyCommands(
  journal: Journal,
  spool: Spool,
  destinations: readonly string[],
): Promise<AppliedCommand[]> {
  const applied: AppliedCommand[] = [];
  for (const id of await listCommandIds(spool.directory)) {
    const file = join(spool.directory, commandsFolder, `${id}.json`);
    try {
      const command = parseQueueCommand(await readCommandFile(file));
      applied.push({ id, command, changed: await applyCommand(journal, spool, destinations, command) });
    } catch (error) {
      // Whoever wrote it took it back.
      if (systemCodeOf(error) === 'ENOENT') continue;
      if (!(error instanceof NarkitError)) throw error;
      applied.push({ id, command: undefined, changed: 0, error });
    }
    // The command is done when its file is gone, so the journal comes first.
    await journal.flush();
    await rm(file, { force: true, recursive: true });
  }
  return applied;
}

async function readCommandFile(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') throw error;
    throw new NarkitError('queue-command', `command '${file}' cannot be read: ${messageOf(error)}`, { cause: error });
  });
  if (bytes.length <= maximumBytes) return bytes.toString();
  throw new NarkitError('queue-command', `'${file}' is no command: it has ${bytes.length} bytes`);
}

/** Parse the text of a command. @throws {@link NarkitError} `queue-command` or `store-path` */
export function parseQueueCommand(text: string): QueueCommand {
  const refuse = (reason: string): never => {
    throw new NarkitError('queue-command', `this is no command of the queue: ${reason}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(messageOf(error));
  }
  if (typeof value !== 'object' || value === null) return refuse('it is no object');
  const { version, command, paths, destination } = value as Record<string, unknown>;
  if (version !== 1) return refuse('its version is not 1');
  switch (command) {
    case 'retry':
    case 'drop':
      if (paths === 'parked' || paths === 'all') return { command, paths };
      if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string')) return refuse('it names no paths');
      return { command, paths: paths.map((path: string) => parseStorePathBaseName(path)) };
    case 'pause':
    case 'resume':
      if (destination !== undefined && typeof destination !== 'string') return refuse('its destination is no text');
      return { command, destination };
    default:
      return refuse(`there is no command ${JSON.stringify(command)}`);
  }
}

/**
 * Carry out one command, in the journal alone. A path that somebody wants tried again is as good as new; of one that is dropped, its
 * record goes when nothing of it waits any more.
 *
 * @returns how many paths, or destinations, it changed something for.
 */
async function applyCommand(
  journal: Journal,
  spool: Spool,
  destinations: readonly string[],
  command: QueueCommand,
): Promise<number> {
  switch (command.command) {
    case 'pause':
    case 'resume':
      return switchDestinations(journal, destinations, command.command, command.destination);
    case 'retry':
      return retry(journal, command.paths);
    case 'drop':
      return drop(journal, spool, destinations, command.paths);
  }
}

function switchDestinations(
  journal: Journal,
  destinations: readonly string[],
  command: 'pause' | 'resume',
  destination: string | undefined,
): number {
  const isPaused = (uri: string): boolean => journal.isPaused(uri);
  const before = new Set(destinations.filter(isPaused));
  if (command === 'pause') journal.pause(destination);
  else {
    // One that is resumed while all are paused leaves the others so; all that are resumed means those that were paused by name, too.
    const others =
      journal.isPaused() && destination !== undefined ? destinations.filter((uri) => uri !== destination) : [];
    if (destination === undefined || journal.isPaused()) journal.resume();
    for (const uri of destinations) if (destination === undefined || uri === destination) journal.resume(uri);
    for (const uri of others) journal.pause(uri);
  }
  return destinations.filter((uri) => isPaused(uri) !== before.has(uri)).length;
}

function retry(journal: Journal, paths: readonly StorePath[] | 'parked' | 'all'): number {
  const isMeant = (entry: PathProgress): boolean =>
    entry.progress === 'parked' || (entry.progress === 'waiting' && paths !== 'parked');
  const named = Array.isArray(paths) ? new Set<StorePath>(paths) : undefined;
  const meant = [...journal.entries()].filter((entry) => isMeant(entry) && (named?.has(entry.path) ?? true));
  for (const { path, destination } of meant) journal.forget(path, destination);
  return new Set(meant.map(({ path }) => path)).size;
}

async function drop(
  journal: Journal,
  spool: Spool,
  destinations: readonly string[],
  paths: readonly StorePath[] | 'parked' | 'all',
): Promise<number> {
  const dropped = new Set<StorePath>();
  const nowMs = Date.now();
  /** A clock that was set back must not make the record younger than its end. */
  const dropAt = (path: StorePath, destination: string, attempts: number, recordMs: number): void => {
    const sinceMs = Math.max(nowMs, recordMs);
    journal.set({ path, destination, progress: 'dropped', attempts, sinceMs });
    dropped.add(path);
  };
  if (paths === 'parked') {
    for (const { path, destination, progress, attempts, sinceMs } of [...journal.entries()])
      if (progress === 'parked') dropAt(path, destination, attempts, sinceMs);
    return dropped.size;
  }
  const named = paths === 'all' ? undefined : new Set(paths);
  for await (const queued of readQueuedPaths(spool, journal, destinations)) {
    if (named?.has(queued.path) === false) continue;
    for (const { uri, progress, attempts } of queued.destinations)
      if (progress === 'waiting' || progress === 'parked') dropAt(queued.path, uri, attempts, queued.record.timeMs);
  }
  return dropped.size;
}

/** Remove the records of which nothing waits and nothing is parked. For the holder of the lock, where no worker does it. */
export async function removeSettledRecords(
  journal: Journal,
  spool: Spool,
  destinations: readonly string[],
): Promise<void> {
  const isSettled = (record: QueueRecord): boolean =>
    record.paths.every((path) =>
      destinations.every((uri) => {
        const { progress } = findProgress(journal, record, path, uri);
        return progress !== 'waiting' && progress !== 'parked';
      }),
    );
  for await (const record of readRecords(spool, await spool.listRecordIds()))
    if (isSettled(record)) await spool.removeRecord(record.id);
}
