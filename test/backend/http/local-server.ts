/**
 * Servers on loopback that answer as a test says.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { connect, createServer as createRawServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** A request as it came, its body read. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The name in the certificate that the client showed. */
  readonly peer: unknown;
}

export interface LocalServer {
  readonly url: string;
  /** All requests whose body arrived, in their order. */
  readonly requests: SeenRequest[];
  /** How many connections were made. */
  connections(): number;
  close(): Promise<void>;
}

/** Answer each request, told which it is, from 1 on. The body is read first. */
export type Answer = (request: SeenRequest, response: ServerResponse, number: number) => void | Promise<void>;

/** A server of HTTP. */
export async function startServer(answer: Answer, tls?: ServerOptions): Promise<LocalServer> {
  const requests: SeenRequest[] = [];
  const listener = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const { method = '', url = '', headers } = incoming;
    const { socket } = incoming;
    const peer = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
    const request = { method, url, headers, body: Buffer.concat(chunks), peer };
    requests.push(request);
    await answer(request, response, requests.length);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  return serve(server, tls === undefined ? 'http' : 'https', requests);
}

/** A server that writes what it likes as soon as the head of a request arrived. */
export async function startRaw(answer: (socket: Socket, number: number) => void): Promise<LocalServer> {
  let requests = 0;
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined);
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      head = '';
      answer(socket, ++requests);
    });
  });
  return serve(server as Server, 'http', []);
}

/** A server that lets nobody in: it does not accept, and its queue is full. */
export async function startFull(): Promise<Pick<LocalServer, 'url' | 'close'>> {
  const child = spawn(process.execPath, ['-e', neverAccept], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line);
  const waiting = Array.from({ length: 5 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

const neverAccept = `
const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

async function serve(server: Server, scheme: string, requests: SeenRequest[]): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `${scheme}://127.0.0.1:${address.port}`,
    requests,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
