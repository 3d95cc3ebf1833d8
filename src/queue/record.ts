/**
 * Records: what one run of the hook leaves in the spool, a file of JSON whose name tells when and how much.
 *
 * @module
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { messageOf } from '../errors.ts';
import { parseStorePath, type StorePath } from '../store-path.ts';
import { QueueError } from './queue-error.ts';

/** What one run of the hook leaves. */
export interface QueueRecord {
  /** The name of its file, without `.json`. */
  readonly id: string;
  /** When, by the clock of the hook. */
  readonly timeMs: number;
  readonly storeDir: string;
  /** What was built. At least one. */
  readonly paths: readonly StorePath[];
  readonly derivation?: StorePath | undefined;
  /** What `NARKIT_TAG` said. */
  readonly tag?: string | undefined;
}

/** What the name of a record tells. */
export interface RecordId {
  readonly timeMs: number;
  readonly pathCount: number;
  /** Of the process that wrote it. */
  readonly processId: number;
}

/** How many paths a record may have. */
export const maximumRecordPaths = 4_096;

/** So many paths of the longest kind, and more. */
const maximumRecordBytes = 4 * 1024 * 1024;

const idPattern = /^(\d{13})-([1-9]\d{0,3})-(\d{1,10})-[0-9a-z]{1,16}$/;

/** What the name of a record tells; `undefined` when it is none. Ids sort by time as texts do. */
export function parseRecordId(id: string): RecordId | undefined {
  const [, timeMs, pathCount, processId] = idPattern.exec(id) ?? [];
  if (timeMs === undefined) return undefined;
  return { timeMs: Number(timeMs), pathCount: Number(pathCount), processId: Number(processId) };
}

/**
 * Read a record; `undefined` when it is not there.
 *
 * @throws {@link QueueError} `record-damaged` when it is none.
 */
export async function readRecordFile(path: string, id: string): Promise<QueueRecord | undefined> {
  let text: string | undefined;
  try {
    text = await readSmallFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new QueueError('spool', path, `record '${path}' cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    if (text === undefined) throw new Error('it is no file, or too long for a record');
    return parseRecord(text, id);
  } catch (error) {
    throw new QueueError('record-damaged', path, `record '${id}' is damaged: ${messageOf(error)}`, { cause: error });
  }
}

/** What a link names is no record, and a pipe must not stop the reader. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function readSmallFile(path: string): Promise<string | undefined> {
  const file = await open(path, readFlags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP') return undefined;
    throw error;
  });
  try {
    const status = await file?.stat();
    if (!status?.isFile() || status.size > maximumRecordBytes) return undefined;
    return await file?.readFile('utf8');
  } finally {
    await file?.close();
  }
}

function parseRecord(text: string, id: string): QueueRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('it is no object');
  const { version, time, storeDir, paths, derivation, tag } = value as Readonly<Record<string, unknown>>;
  if (version !== 1) throw new Error(`its version is not 1`);
  if (typeof time !== 'number' || !Number.isSafeInteger(time)) throw new Error(`its 'time' is no whole number`);
  if (typeof storeDir !== 'string' || !storeDir.startsWith('/')) throw new Error(`its 'storeDir' is no absolute path`);
  if (!Array.isArray(paths)) throw new Error(`its 'paths' is no list`);
  if (paths.length !== parseRecordId(id)?.pathCount) throw new Error('it has not as many paths as its name says');
  if (tag !== undefined && typeof tag !== 'string') throw new Error(`its 'tag' is no text`);
  const parse = (path: unknown): StorePath => {
    if (typeof path !== 'string') throw new Error('a path is no text');
    return parseStorePath(path, storeDir);
  };
  return {
    id,
    timeMs: time,
    storeDir,
    paths: paths.map(parse),
    ...(derivation !== undefined && { derivation: parse(derivation) }),
    ...(tag !== undefined && { tag }),
  };
}
