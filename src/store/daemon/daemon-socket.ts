/**
 * A socket as a source of chunks and a place to write to, each waiting for the other side.
 *
 * @module
 */
import { connect, type Socket } from 'node:net';
import type { ChunkSource } from './wire-reader.ts';

/** Bytes that are read ahead of whoever takes them. */
const readAheadBytes = 1024 * 1024;

/** The longest path that fits into `sockaddr_un` everywhere, with its final zero; longer ones would be cut off in silence. */
const maximumSocketPathBytes = process.platform === 'darwin' ? 103 : 107;

/** The other side did not move for too long. */
export class SilenceError extends Error {}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection to a Unix domain socket. */
export class DaemonSocket implements ChunkSource {
  readonly #socket: Socket;
  /** How long the other side may keep silent where it has to speak. */
  silenceTimeoutMs: number;
  readonly #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #ended = false;
  #failure: unknown;
  #reading: Waiter<Uint8Array | undefined> | undefined;
  #draining: Waiter<void> | undefined;
  #talking = false;

  private constructor(socket: Socket, silenceTimeoutMs: number) {
    this.#socket = socket;
    this.silenceTimeoutMs = silenceTimeoutMs;
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('drain', () => this.#settleDraining());
    socket.on('timeout', () => {
      if (this.#isOwed) this.destroy(new SilenceError(`said nothing for ${this.silenceTimeoutMs} ms`));
    });
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#end());
  }

  /** @throws the system's error. */
  static open(path: string, silenceTimeoutMs: number, signal?: AbortSignal): Promise<DaemonSocket> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const bytes = Buffer.byteLength(path);
      if (bytes > maximumSocketPathBytes)
        throw new RangeError(
          `its path has ${bytes} bytes, more than the ${maximumSocketPathBytes} that a socket may have`,
        );
      const socket = connect({ path });
      const abort = (): void => {
        socket.destroy();
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      socket.once('error', (error) => {
        signal?.removeEventListener('abort', abort);
        reject(error);
      });
      socket.once('connect', () => {
        signal?.removeEventListener('abort', abort);
        socket.removeAllListeners('error');
        resolve(new DaemonSocket(socket, silenceTimeoutMs));
      });
    });
  }

  /** Nothing more can go in or out. */
  get closed(): boolean {
    return this.#ended || this.#failure !== undefined || this.#socket.destroyed;
  }

  /** While this side has more to say, the other side's silence is no fault. */
  set talking(talking: boolean) {
    this.#talking = talking;
    this.#watch();
  }

  /** Keep the process alive, or not: an idle connection should not. */
  set idle(idle: boolean) {
    if (idle) this.#socket.unref();
    else this.#socket.ref();
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bufferedBytes -= chunk.length;
      if (this.#bufferedBytes < readAheadBytes) this.#socket.resume();
      return Promise.resolve(chunk);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#watch();
    });
  }

  /** Resolves when there is room for more. The bytes are the socket's from now on. */
  write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
    if (!this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#draining = { resolve, reject };
      this.#watch();
    });
  }

  /** Close at once; whoever waits gets `reason`. */
  destroy(reason: unknown): void {
    this.#chunks.length = 0;
    this.#fail(reason);
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    const reading = this.#reading;
    if (reading !== undefined) {
      this.#reading = undefined;
      reading.resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes >= readAheadBytes) this.#socket.pause();
  }

  get #isOwed(): boolean {
    return this.#draining !== undefined || (this.#reading !== undefined && !this.#talking);
  }

  #watch(): void {
    if (this.#isOwed) this.#socket.setTimeout(this.silenceTimeoutMs);
  }

  #settleDraining(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#reading?.resolve(undefined);
    this.#reading = undefined;
    this.#draining?.reject(Object.assign(new Error('the other side hung up'), { code: 'EPIPE' }));
    this.#draining = undefined;
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason;
    this.#reading?.reject(reason);
    this.#reading = undefined;
    this.#draining?.reject(reason);
    this.#draining = undefined;
  }
}
