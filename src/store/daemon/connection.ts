/**
 * One conversation with a daemon: a handshake, then one operation after the other.
 *
 * Source: Nix `src/libstore/worker-protocol-connection.cc` and `remote-store.cc`.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connectError, conversationError, DaemonRefusedError } from './daemon-error.ts';
import { DaemonSocket } from './daemon-socket.ts';
import { type HandshakeSettings, shakeHands } from './handshake.ts';
import { type DaemonMessage, type ReadMessagesOptions, readMessages } from './messages.ts';
import { WireReader } from './wire-reader.ts';
import { type DaemonInfo, readDaemonInfo } from './wire-values.ts';
import { WireWriter } from './wire-writer.ts';

/** Who takes a connection and does not say hello for so long never will; an operation may wait for locks. */
const greetingTimeoutMs = 60_000;

/** How to talk to a daemon. */
export interface ConnectionSettings extends HandshakeSettings {
  /** How long the daemon may keep silent where it has to speak. */
  readonly silenceTimeoutMs: number;
  readonly onMessage?: ((message: DaemonMessage) => void) | undefined;
}

/** How a reply is read. */
export interface ReplyOptions extends Pick<ReadMessagesOptions, 'onRead'> {
  /** The full store path at stake, for the error. */
  readonly path?: string;
}

/** A daemon that has said hello. */
export class DaemonConnection {
  readonly settings: ConnectionSettings;
  readonly reader: WireReader;
  readonly protocolMinor: number;
  readonly daemon: DaemonInfo;
  readonly #socket: DaemonSocket;
  #refused = false;

  private constructor(
    settings: ConnectionSettings,
    socket: DaemonSocket,
    reader: WireReader,
    protocolMinor: number,
    daemon: DaemonInfo,
  ) {
    this.settings = settings;
    this.reader = reader;
    this.protocolMinor = protocolMinor;
    this.daemon = daemon;
    this.#socket = socket;
  }

  /** @throws {@link StoreError} that says why there is no daemon to talk to, or the signal's reason. */
  static async open(settings: ConnectionSettings, signal?: AbortSignal): Promise<DaemonConnection> {
    let socket: DaemonSocket;
    try {
      socket = await openSocket(settings, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw connectError(error, settings);
    }
    const abort = (): void => socket.destroy(signal!.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const reader = new WireReader(socket);
    try {
      const protocolMinor = await shakeHands(socket, reader, settings);
      const daemon = await readDaemonInfo(reader, protocolMinor);
      const connection = new DaemonConnection(settings, socket, reader, protocolMinor, daemon);
      await connection.readReply();
      socket.silenceTimeoutMs = settings.silenceTimeoutMs;
      return connection;
    } catch (error) {
      socket.destroy(error);
      signal?.throwIfAborted();
      throw conversationError(error, settings, reader.offset > 0);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Not to be used again. After some of its errors a daemon hangs up, and does not say which. */
  get closed(): boolean {
    return this.#refused || this.#socket.closed;
  }

  /** Does nobody wait for this connection? */
  set idle(idle: boolean) {
    this.#socket.idle = idle;
  }

  close(reason: unknown): void {
    this.#socket.destroy(reason);
  }

  /** While this side has more to say, the daemon's silence is no fault. */
  set talking(talking: boolean) {
    this.#socket.talking = talking;
  }

  /** Send bytes; resolves when there is room for more. */
  write(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#socket.write(chunks);
  }

  /** Send requests without waiting for what comes back. */
  send(write: (writer: WireWriter) => void): Promise<void> {
    const writer = new WireWriter();
    write(writer);
    return this.write([writer.finish()]);
  }

  /**
   * Read up to where the answer begins.
   *
   * @throws {@link DaemonRefusedError} when the daemon has an error instead of an answer.
   */
  async readReply(options: ReplyOptions = {}): Promise<void> {
    const { settings, protocolMinor } = this;
    const failure = await readMessages(this.reader, { ...options, onMessage: settings.onMessage, protocolMinor });
    this.#refused = failure !== undefined;
    if (failure !== undefined) throw new DaemonRefusedError(failure, settings, options.path);
  }

  /** One operation: a request, and the answer to it. */
  async perform<T>(write: (writer: WireWriter) => void, readAnswer: (reader: WireReader) => Promise<T>): Promise<T> {
    await this.send(write);
    await this.readReply();
    return readAnswer(this.reader);
  }

  /** What {@link readReply} throws. */
  async replyOutcome(options: ReplyOptions): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.readReply(options);
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}

/** A socket whose queue is full refuses at once; nix-daemon 2.8 lets five wait. */
async function openSocket(settings: ConnectionSettings, signal: AbortSignal | undefined): Promise<DaemonSocket> {
  const timeoutMs = Math.min(settings.silenceTimeoutMs, greetingTimeoutMs);
  const deadlineMs = performance.now() + timeoutMs;
  for (let delayMs = 1; ; delayMs = Math.min(2 * delayMs, 100)) {
    try {
      return await DaemonSocket.open(settings.socketPath, timeoutMs, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadlineMs) throw error;
    }
    await delay(delayMs, undefined, { signal });
  }
}
