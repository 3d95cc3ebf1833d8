/**
 * Paths that the garbage collector leaves alone for as long as a connection lives.
 *
 * @module
 */
import { formatStorePath, type StorePath } from '../../store-path.ts';
import { type ConnectionSettings, DaemonConnection } from './connection.ts';
import { closedError, conversationError } from './daemon-error.ts';
import { operation } from './protocol.ts';

/** Temporary roots, held by a connection that does nothing else. */
export interface TempRoots {
  add(path: StorePath): Promise<void>;
  close(): void;
}

export function createTempRoots(settings: ConnectionSettings, storeDir: string): TempRoots {
  const held = new Set<StorePath>();
  let connection: DaemonConnection | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function add(path: StorePath): Promise<void> {
    if (closed) throw closedError(settings);
    if (connection === undefined || connection.closed) {
      connection = await DaemonConnection.open(settings);
      // The daemon forgot the roots of the connection that it closed.
      for (const lost of held) await ask(connection, lost);
    }
    await ask(connection, path);
    held.add(path);
  }

  async function ask(through: DaemonConnection, path: StorePath): Promise<void> {
    try {
      through.idle = false;
      await through.perform(
        (writer) => writer.writeUint64(operation.addTempRoot).writeString(formatStorePath(path, storeDir)),
        (reader) => reader.readUint64(),
      );
      through.idle = true;
    } catch (error) {
      through.close(error);
      throw conversationError(error, settings);
    }
  }

  return {
    add(path) {
      const added = last.then(() => add(path));
      last = added.catch(() => {});
      return added;
    },
    close() {
      closed = true;
      connection?.close(closedError(settings));
    },
  };
}
