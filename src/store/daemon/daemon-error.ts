/**
 * What can go wrong with a daemon, as errors that name the socket.
 *
 * @module
 */
import { messageOf } from '../../errors.ts';
import { StoreError } from '../store-error.ts';
import { SilenceError } from './daemon-socket.ts';
import type { DaemonFailure } from './messages.ts';
import { WireEndError } from './wire-error.ts';

/** Where a daemon is, for messages. */
export interface DaemonAddress {
  /** The store's URI. */
  readonly uri: string;
  readonly socketPath: string;
}

/** The daemon said no, in its own words. Code `daemon-refused`. */
export class DaemonRefusedError extends StoreError {
  /** 0 is an error, 1 a warning; absent before protocol 1.26. */
  readonly level: number | undefined;
  /** What the daemon was doing, the innermost last. */
  readonly traces: readonly string[];

  constructor(failure: DaemonFailure, address: DaemonAddress, path?: string) {
    super('daemon-refused', `nix-daemon at '${address.socketPath}' says: ${failure.text}`, { uri: address.uri, path });
    this.level = failure.level;
    this.traces = failure.traces;
  }
}

/**
 * An error of the socket or of what came through it, as one that says where and what to do.
 *
 * @param greeted has the daemon said anything?
 */
export function conversationError(error: unknown, address: DaemonAddress, greeted = true): StoreError {
  if (error instanceof StoreError) return error;
  const daemon = `nix-daemon at '${address.socketPath}'`;
  const options = { uri: address.uri, cause: error };
  if (error instanceof WireEndError || isDisconnect(error)) {
    const when = greeted
      ? 'before it had answered'
      : 'without a word; perhaps this user is not among its allowed-users';
    return new StoreError('daemon-disconnected', `${daemon} hung up ${when}; its log says why`, options);
  }
  if (error instanceof SilenceError) return new StoreError('daemon-silent', `${daemon} ${error.message}`, options);
  return new StoreError('daemon-protocol', `${daemon} broke the protocol: ${messageOf(error)}`, options);
}

/** The store was closed before the answer was there. */
export function closedError({ uri }: DaemonAddress): StoreError {
  return new StoreError('store-closed', `the store '${uri}' is closed`, { uri });
}

/** Why no connection came about. */
export function connectError(error: unknown, address: DaemonAddress): StoreError {
  const { socketPath, uri } = address;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = connectReasons[code] ?? messageOf(error);
  return new StoreError('daemon-unreachable', `cannot connect to nix-daemon at '${socketPath}': ${reason}`, {
    uri,
    cause: error,
  });
}

const absent =
  'there is no such socket; start nix-daemon, or set NIX_DAEMON_SOCKET_PATH or unix://PATH to where it listens';
const connectReasons: Readonly<Record<string, string>> = {
  ENOENT: absent,
  ENOTDIR: absent,
  ECONNREFUSED: 'nobody listens there; start nix-daemon',
  ENOTSOCK: 'it is not a socket',
  EACCES: 'this user may not open it; see the modes of the socket and of the directories above it',
  EPERM: 'this user may not open it',
  EAGAIN: 'too many wait for it already; nix-daemon does not keep up',
};

function isDisconnect(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET';
}
