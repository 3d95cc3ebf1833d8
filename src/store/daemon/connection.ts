/**
 * One conversation with a daemon: a handshake, then one operation after the other.
 *
 * Source: Nix `src/libstore/worker-protocol-connection.cc` and `remote-store.cc`.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { writeUint64 } from '../../bytes/index.ts';
import { paddingAfter } from '../../nar/grammar.ts';
import { StoreError } from '../store-error.ts';
import { connectError, conversationError, type DaemonAddress, DaemonRefusedError } from './daemon-error.ts';
import { DaemonSocket } from './daemon-socket.ts';
import { type DaemonMessage, type ReadMessagesOptions, readMessages } from './messages.ts';
import {
  clientMagic,
  daemonMagic,
  newestProtocolMinor,
  oldestProtocolMinor,
  protocolMajor,
  since,
} from './protocol.ts';
import { WireEndError, WireError } from './wire-error.ts';
import { WireReader } from './wire-reader.ts';
import { type DaemonInfo, readDaemonInfo } from './wire-values.ts';
import { WireWriter } from './wire-writer.ts';

/** A frame's payload has at most so many bytes. */
const maximumFrameBytes = 1024 * 1024;
const noBytes = new Uint8Array(0);

/** How to talk to a daemon. */
export interface ConnectionSettings extends DaemonAddress {
  /** Speak no newer version than 1.x. */
  readonly protocolMinor: number;
  /** How long the daemon may keep silent where it has to speak. */
  readonly silenceTimeoutMs: number;
  readonly onMessage?: ((message: DaemonMessage) => void) | undefined;
}

interface ReplyOptions extends Pick<ReadMessagesOptions, 'onRead'> {
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
    try {
      const reader = new WireReader(socket);
      const protocolMinor = await shakeHands(socket, reader, settings);
      const daemon = await readDaemonInfo(reader, protocolMinor);
      const connection = new DaemonConnection(settings, socket, reader, protocolMinor, daemon);
      await connection.readReply();
      return connection;
    } catch (error) {
      socket.destroy(error);
      signal?.throwIfAborted();
      throw conversationError(error, settings);
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

  /** Send requests without waiting for what comes back. */
  send(write: (writer: WireWriter) => void): Promise<void> {
    const writer = new WireWriter();
    write(writer);
    return this.#socket.write(writer.finish());
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

  /**
   * Send a stream in frames, and read up to where the answer begins. When the stream breaks, the daemon is told that there is no more
   * before all is there, and refuses what it was asked for.
   *
   * @throws what the stream threw; {@link DaemonRefusedError}
   */
  async sendFramed(stream: AsyncIterable<Uint8Array>, options: ReplyOptions = {}): Promise<void> {
    let replied = false;
    const reply = this.#replyOutcome(options).finally(() => {
      replied = true;
    });
    this.#socket.talking = true;
    let complete = false;
    try {
      for await (const chunk of stream) {
        for (let start = 0; start < chunk.length && !replied; start += maximumFrameBytes)
          await this.#sendFrame(chunk.subarray(start, start + maximumFrameBytes));
        if (replied) break;
      }
      complete = !replied;
    } finally {
      this.#socket.talking = false;
      // Where the socket is broken, the reply says so.
      await this.#socket.write(encodeLength(0)).catch(() => {});
      await reply;
    }
    const failure = await reply;
    if (failure !== undefined) throw failure.error;
    if (!complete) throw new WireError('an answer before all was sent', this.reader.offset);
  }

  /** What {@link readReply} throws. */
  async #replyOutcome(options: ReplyOptions): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.readReply(options);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Where the socket is broken, the reply says so. */
  async #sendFrame(payload: Uint8Array): Promise<void> {
    await this.#socket.write(encodeLength(payload.length), payload).catch(() => {});
  }

  /**
   * Send a stream piece by piece as the daemon asks for it, and read up to where the answer begins. A stream that breaks ends early.
   *
   * @throws what the stream threw; {@link DaemonRefusedError}
   */
  async sendWhenAsked(stream: AsyncIterable<Uint8Array>, options: ReplyOptions = {}): Promise<void> {
    const iterator = stream[Symbol.asyncIterator]();
    let rest: Uint8Array = noBytes;
    let broken: { readonly error: unknown } | undefined;
    const onRead = async (length: number): Promise<void> => {
      while (rest.length === 0 && broken === undefined) {
        try {
          const next = await iterator.next();
          if (next.done) break;
          rest = next.value;
        } catch (error) {
          broken = { error };
        }
      }
      const piece = rest.subarray(0, length);
      rest = rest.subarray(piece.length);
      await this.#socket.write(encodeLength(piece.length), piece, new Uint8Array(paddingAfter(piece.length)));
    };
    const failure = await this.#replyOutcome({ ...options, onRead });
    await iterator.return?.();
    if (broken !== undefined) throw broken.error;
    if (failure !== undefined) throw failure.error;
  }
}

function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeUint64(bytes, 0, length);
  return bytes;
}

/** A socket whose queue is full refuses at once; nix-daemon 2.8 lets five wait. */
async function openSocket(settings: ConnectionSettings, signal: AbortSignal | undefined): Promise<DaemonSocket> {
  const { socketPath, silenceTimeoutMs } = settings;
  const deadlineMs = performance.now() + silenceTimeoutMs;
  for (let delayMs = 1; ; delayMs = Math.min(2 * delayMs, 100)) {
    try {
      return await DaemonSocket.open(socketPath, silenceTimeoutMs, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadlineMs) throw error;
    }
    await delay(delayMs, undefined, { signal });
  }
}

/** @returns the minor version that both sides speak. */
async function shakeHands(socket: DaemonSocket, reader: WireReader, settings: ConnectionSettings): Promise<number> {
  const { uri, socketPath } = settings;
  const wanted = Math.min(settings.protocolMinor, newestProtocolMinor);
  await socket.write(
    new WireWriter()
      .writeUint64(clientMagic)
      .writeUint64((protocolMajor << 8) | wanted)
      .finish(),
  );
  if ((await readMagic(reader)) !== daemonMagic) throw new WireError('what listens there is no nix-daemon', 0);
  const version = await reader.readUint64();
  const [major, minor] = [Math.floor(version / 256), version % 256];
  if (major !== protocolMajor || minor < oldestProtocolMinor)
    throw new StoreError(
      'daemon-version',
      `nix-daemon at '${socketPath}' speaks version ${major}.${minor} of the worker protocol, and narkit 1.${oldestProtocolMinor} ` +
        `(Nix 2.3) to 1.${newestProtocolMinor}`,
      { uri },
    );
  const protocolMinor = Math.min(wanted, minor);
  if (protocolMinor >= since.featureExchange) {
    await socket.write(new WireWriter().writeUint64(0).finish()); // no features: none concerns what narkit asks for
    await reader.readList(() => reader.readString());
  }
  // Once the CPU to run on and space to reserve.
  await socket.write(new WireWriter().writeUint64(0).writeUint64(0).finish());
  return protocolMinor;
}

/** @returns `undefined` for a number that is none of the protocol's. */
async function readMagic(reader: WireReader): Promise<number | undefined> {
  try {
    return await reader.readUint64();
  } catch (error) {
    if (error instanceof WireEndError || !(error instanceof WireError)) throw error;
    return undefined;
  }
}
