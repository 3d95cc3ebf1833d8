/**
 * The NAR of a path as the daemon sends it: bare, behind its answer, without a length. It ends where its grammar ends.
 *
 * Source: Nix `src/libstore/daemon.cc` (`NarFromPath`). What goes wrong while the daemon dumps comes as an error message in the middle of the
 * NAR, before the daemon hangs up.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import { concatBytes } from '../../bytes/index.ts';
import { messageOf } from '../../errors.ts';
import { createNarParser } from '../../nar/index.ts';
import { formatStorePath, type StorePath } from '../../store-path.ts';
import { StoreError } from '../store-error.ts';
import type { DaemonConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DaemonRefusedError } from './daemon-error.ts';
import { type DaemonFailure, readFailure } from './messages.ts';
import { message, operation } from './protocol.ts';
import { WireEndError, WireError } from './wire-error.ts';
import { maximumTextLength, WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** How much of what came last is searched for an error message. */
const tailBytes = 4096;
const errorMark = new WireWriter().writeUint64(message.error).finish();

/**
 * The NAR of a path.
 *
 * @throws {@link StoreError} `path-absent` when the daemon's store does not have the path; {@link DaemonRefusedError} when it cannot read it.
 */
export async function* narFromPath(
  pool: ConnectionPool,
  path: StorePath,
  storeDir: string,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array> {
  const full = formatStorePath(path, storeDir);
  const loan = await pool.lend(options);
  const { connection } = loan;
  try {
    if (!(await isValid(connection, full))) {
      loan.end();
      throw absentError(connection, full);
    }
    await connection.send((writer) => writer.writeUint64(operation.narFromPath).writeString(full));
    await connection.readReply({ path: full });
    yield* readNar(connection, full);
    loan.end();
  } catch (error) {
    throw loan.explain(isAboutAbsence(error) ? absentError(connection, full, error) : error);
  } finally {
    // Also when the consumer has enough before the NAR is over.
    loan.drop();
  }
}

/** For a path that it lacks, the daemon has no answer to the request of a NAR: it hangs up. */
function isValid(connection: DaemonConnection, path: string): Promise<boolean> {
  return connection.perform(
    (writer) => writer.writeUint64(operation.isValidPath).writeString(path),
    (reader) => reader.readBoolean(),
  );
}

/** The garbage collector came between the question and the NAR, or someone else took the files. */
function isAboutAbsence(error: unknown): boolean {
  return error instanceof DaemonRefusedError && /No such file or directory|does not exist/.test(error.message);
}

function absentError(connection: DaemonConnection, path: string, cause?: unknown): StoreError {
  const { uri } = connection.settings;
  const what = cause === undefined ? `is not valid in '${uri}'` : `is not there any more: ${messageOf(cause)}`;
  return new StoreError('path-absent', `path '${path}' ${what}`, { uri, path, cause });
}

async function* readNar(connection: DaemonConnection, path: string): AsyncGenerator<Uint8Array> {
  const { reader } = connection;
  const parser = createNarParser();
  let tail: Uint8Array = new Uint8Array(0);
  while (!parser.done) {
    const chunk = await reader.takeChunk();
    if (chunk === undefined) throw (await findRefusal(tail, connection, path)) ?? new WireEndError(reader.offset);
    tail = lastBytes(tail, chunk);
    let length: number;
    try {
      length = parser.push(chunk);
    } catch (error) {
      throw (await findRefusal(tail, connection, path)) ?? error;
    }
    if (length < chunk.length) throw new WireError('more than a NAR', reader.offset - chunk.length + length);
    yield chunk;
  }
}

/** The chunks themselves are the consumer's: these are copies. */
function lastBytes(tail: Uint8Array, chunk: Uint8Array): Uint8Array {
  return chunk.length >= tailBytes ? chunk.slice(-tailBytes) : concatBytes([tail, chunk]).slice(-tailBytes);
}

/** The error message in the last bytes of a broken NAR, of which the end may have yet to come. */
async function findRefusal(
  tail: Uint8Array,
  { reader, protocolMinor, settings }: DaemonConnection,
  path: string,
): Promise<DaemonRefusedError | undefined> {
  const start = Buffer.from(tail.buffer, tail.byteOffset, tail.length).indexOf(errorMark);
  if (start === -1) return undefined;
  let bytes = tail.slice(start + errorMark.length);
  while (bytes.length < maximumTextLength) {
    const failure = await readFailureFrom(bytes, protocolMinor);
    if (failure !== undefined) return new DaemonRefusedError(failure, settings, path);
    const chunk = await reader.takeChunk();
    if (chunk === undefined) break;
    bytes = concatBytes([bytes, chunk]);
  }
  return undefined;
}

async function readFailureFrom(bytes: Uint8Array, protocolMinor: number): Promise<DaemonFailure | undefined> {
  const chunks = [bytes];
  try {
    return await readFailure(new WireReader({ read: async () => chunks.pop() }), protocolMinor);
  } catch {
    return undefined;
  }
}
