/**
 * A few connections to one daemon, each lent to one user at a time.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import { type ConnectionSettings, DaemonConnection } from './connection.ts';
import { closedError, conversationError } from './daemon-error.ts';

/** A connection on loan. */
export interface Loan {
  readonly connection: DaemonConnection;
  /** Give it back at the end of an answer: it may serve others. */
  end(): void;
  /** Give it back in the middle of a conversation, which closes it; nothing when it is back. */
  drop(): void;
  /** What to throw for what was thrown by a conversation that was broken off. */
  explain(error: unknown): unknown;
}

/** Opens connections when they are needed, up to a number, and keeps them for the next user. */
export interface ConnectionPool {
  /** Waits for a connection; aborting the signal closes it, also while it is lent. */
  lend(options?: AbortOptions): Promise<Loan>;
  /** Lend a connection for as long as `body` runs. */
  use<T>(body: (connection: DaemonConnection) => Promise<T>, options?: AbortOptions): Promise<T>;
  close(): void;
}

export function createConnectionPool(settings: ConnectionSettings, maximumConnections: number): ConnectionPool {
  const idle: DaemonConnection[] = [];
  const lent = new Set<DaemonConnection>();
  const waiting: (() => void)[] = [];
  let free = maximumConnections;
  let closed = false;

  async function takePlace(signal: AbortSignal | undefined): Promise<void> {
    if (free > 0) {
      free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        waiting.splice(waiting.indexOf(proceed), 1);
        reject(signal!.reason);
      };
      const proceed = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
      waiting.push(proceed);
    });
  }

  function leavePlace(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }

  async function connect(signal: AbortSignal | undefined): Promise<DaemonConnection> {
    if (closed) throw closedError(settings);
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop())
      if (!connection.closed) {
        connection.idle = false;
        return connection;
      }
    const connection = await DaemonConnection.open(settings, signal);
    if (closed) connection.close(closedError(settings));
    return connection;
  }

  const pool: ConnectionPool = {
    async lend({ signal } = {}) {
      signal?.throwIfAborted();
      await takePlace(signal);
      let connection: DaemonConnection;
      try {
        connection = await connect(signal);
      } catch (error) {
        leavePlace();
        throw error;
      }
      lent.add(connection);
      const abort = (): void => connection.close(signal!.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const giveBack = (): boolean => {
        signal?.removeEventListener('abort', abort);
        if (!lent.delete(connection)) return false;
        leavePlace();
        return true;
      };
      return {
        connection,
        end() {
          if (!giveBack()) return;
          connection.idle = true;
          if (connection.closed) connection.close(brokenOff());
          else idle.push(connection);
        },
        drop() {
          if (giveBack()) connection.close(brokenOff());
        },
        explain: (error) => (signal?.aborted ? signal.reason : conversationError(error, settings)),
      };
    },

    async use(body, options) {
      const loan = await pool.lend(options);
      try {
        const result = await body(loan.connection);
        loan.end();
        return result;
      } catch (error) {
        throw loan.explain(error);
      } finally {
        loan.drop();
      }
    },

    close() {
      closed = true;
      for (const connection of [...idle, ...lent]) connection.close(closedError(settings));
      idle.length = 0;
      for (const proceed of waiting.splice(0)) proceed();
    },
  };
  return pool;
}

function brokenOff(): Error {
  return new Error('the conversation was broken off');
}
