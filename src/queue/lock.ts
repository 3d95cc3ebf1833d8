/**
 * One worker on a spool, by a lock that dies with its process.
 *
 * Node has no file locks. What it has, and what the kernel closes when a process ends in whatever way, is a listening socket. So who
 * wants the lock listens on a socket of its own in the folder `lock/`, and then asks all others there: one that answers has the lock,
 * one that refuses is dead, and is removed. Two who come at the same time may both find the other, and then both give way and come
 * again; no two can miss each other, for each listens before it looks. No name is used twice, so nothing that lives can be removed.
 *
 * Sockets in a folder have its permissions and are seen from other network namespaces, which abstract ones do and are not: anybody could
 * keep the worker from its spool. They work on one machine, as the rest of the spool does.
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import { chmod, open, readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { makeSpool } from './add-record.cts';
import { QueueError } from './queue-error.ts';

/** The right to work on a spool, until it is released or the process ends. It does not keep the process alive. */
export interface SpoolLock {
  /** Let others have it. */
  release(): Promise<void>;
}

/** Who has the lock of a spool. */
export interface LockHolder {
  /** Its number in its own eyes: another container may know it by another. */
  readonly processId: number;
}

/** How often those who came at the same time come again. */
const tries = 20;

/**
 * Take the lock of a spool.
 *
 * @throws {@link QueueError} `locked` with the holder's process id when another has it, `spool` when the directory cannot be used.
 */
export async function acquireLock(directory: string): Promise<SpoolLock> {
  try {
    for (let attempt = 1; ; attempt++) {
      const own = await listenInFolder(directory);
      const [other] = await findOthers(directory, own.name).catch(async (error) => {
        await own.release();
        throw error;
      });
      if (other === undefined) {
        own.hold();
        return own;
      }
      await own.release();
      if (other.holds || attempt === tries) throw lockedError(directory, other.processId);
      // Further and further apart: on a machine that is busy they take their time.
      await delay(randomInt(100 * attempt));
    }
  } catch (error) {
    if (error instanceof QueueError) throw error;
    const message = `the lock of the queue '${directory}' cannot be taken: ${messageOf(error)}`;
    throw new QueueError('spool', directory, message, { cause: error });
  }
}

function lockedError(directory: string, processId: number): QueueError {
  const message = `the queue '${directory}' has a worker already: process ${processId}`;
  return new QueueError('locked', directory, message, { processId });
}

/** Who has the lock of a spool; `undefined` when nobody has it. */
export async function findLockHolder(directory: string): Promise<LockHolder | undefined> {
  const holder = (await findOthers(directory)).find(({ holds }) => holds);
  return holder && { processId: holder.processId };
}

interface Own extends SpoolLock {
  readonly name: string;
  /** Tell those who ask that this one has the lock. */
  hold(): void;
}

async function listenInFolder(directory: string): Promise<Own> {
  const name = `${process.pid}-${randomInt(2 ** 47).toString(36)}`;
  const temporary = join(directory, 'tmp', name);
  const path = join(directory, 'lock', name);
  makeSpool(directory);
  let holds = false;
  const server = createServer((socket) => socket.on('error', () => {}).end(holds ? answerOfHolder : ''));
  const release = async (): Promise<void> => {
    await rm(path, { force: true });
    await rm(temporary, { force: true });
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  try {
    // Between its making and its listening a socket refuses as a dead one does: it comes to the folder when it listens.
    await withShortPath(directory, (short) => listen(server, `${short}/tmp/${name}`));
    // Whoever else the operator lets into the folder may ask: who is refused cannot tell the living from the dead.
    await chmod(temporary, 0o660);
    await rename(temporary, path);
  } catch (error) {
    await release();
    throw error;
  }
  return { name, release, hold: () => (holds = true) };
}

const answerOfHolder = 'held';

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
    server.unref();
  });
}

interface Other extends LockHolder {
  readonly holds: boolean;
}

/** Those who listen, holders first; what is dead is removed. */
async function findOthers(directory: string, ownName?: string): Promise<Other[]> {
  const folder = join(directory, 'lock');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const others: Other[] = [];
  for (const name of names) {
    if (name === ownName) continue;
    const state = await withShortPath(directory, (short) => ask(`${short}/lock/${name}`));
    // Who may not remove it, asks only.
    if (state === 'dead') await rm(join(folder, name), { force: true }).catch(() => {});
    else others.push({ processId: Number.parseInt(name, 10), holds: state === 'holds' });
  }
  return others.sort((a, b) => Number(b.holds) - Number(a.holds));
}

/** A process that is stopped accepts, and says nothing. */
const answerTimeoutMs = 500;

function ask(path: string): Promise<'holds' | 'comes' | 'dead'> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    socket.setEncoding('utf8').setTimeout(answerTimeoutMs);
    socket.on('data', (text) => {
      answer += text;
    });
    socket.on('end', () => resolve(answer === answerOfHolder ? 'holds' : 'comes'));
    socket.on('timeout', () => {
      resolve('holds');
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'dead' : 'holds'),
    );
  });
}

/** What fits into the address of a socket, besides the name of a folder and of a socket. */
const maximumDirectoryBytes = 60;

/** A socket's address has room for about 100 bytes: a longer directory goes by what Linux calls it when it is open. */
async function withShortPath<Result>(directory: string, use: (short: string) => Promise<Result>): Promise<Result> {
  if (Buffer.byteLength(directory) <= maximumDirectoryBytes) return use(directory);
  const handle = await open(directory, 'r');
  try {
    return await use(`/proc/self/fd/${handle.fd}`);
  } finally {
    await handle.close();
  }
}
