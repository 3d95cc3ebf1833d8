/**
 * Requests by `node:http` and `node:https`.
 *
 * @module
 */
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { HttpClient, HttpClientOptions, HttpMessage, HttpReply } from './http-client.ts';

const decoders: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** As in libcurl. Each takes memory, and there is room for thousands in a head. */
const maximumEncodings = 5;

/** A client whose connections stay open for the next request. The certificate is shown to the origin alone. */
export function createHttpClient({
  origin,
  connectTimeoutMs,
  tlsCertificate,
  tlsPrivateKey,
}: HttpClientOptions): HttpClient {
  const plain = new Agent({ keepAlive: true });
  const encrypted = new TlsAgent({ keepAlive: true });
  const certified =
    tlsCertificate === undefined && tlsPrivateKey === undefined
      ? encrypted
      : new TlsAgent({ keepAlive: true, cert: tlsCertificate, key: tlsPrivateKey });
  const agentFor = ({ protocol, origin: target }: URL): Agent => {
    if (protocol === 'http:') return plain;
    return target === origin ? certified : encrypted;
  };

  return {
    async send(message) {
      const { method, url, headers, body, signal } = message;
      // Some servers answer nobody who does not say who asks.
      const allHeaders = { 'user-agent': 'narkit', ...Object.fromEntries(headers) };
      const options = { method, headers: allHeaders, agent: agentFor(url) };
      const request = url.protocol === 'http:' ? requestHttp(url, options) : requestHttps(url, options);
      // Not by Node's own option, whose error nobody catches when the reply has arrived and is not read to its end.
      signal.addEventListener('abort', () => request.destroy(), { once: true });
      limitConnecting(request, connectTimeoutMs);
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).on('error', reject);
      });
      if (body === undefined || body instanceof Uint8Array) request.end(body);
      else writeBody(request, body).catch((error: Error) => request.destroy(error));
      return replyOf(message, request, await answered);
    },
    close() {
      for (const agent of [plain, encrypted, certified]) agent.destroy();
    },
  };
}

/** The handshake of TLS counts too. */
function limitConnecting(request: ClientRequest, connectTimeoutMs: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const giveUp = (): void => {
      request.destroy(new Error(`no connection within ${connectTimeoutMs / 1000} seconds`));
    };
    const timer = setTimeout(giveUp, connectTimeoutMs);
    const stop = (): void => clearTimeout(timer);
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', stop).once('close', stop);
  });
}

/** Write until the end, or until the server answers, for one that answers early has no use for the rest. */
async function writeBody(request: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  let wanted = true;
  let goOn = (): void => undefined;
  request.on('drain', () => goOn());
  for (const event of ['response', 'close'])
    request.once(event, () => {
      wanted = false;
      goOn();
    });
  for await (const chunk of body) {
    if (!wanted) return;
    if (request.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
  }
  request.end();
}

function replyOf({ method }: HttpMessage, request: ClientRequest, response: IncomingMessage): HttpReply {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(response.headersDistinct))
    for (const value of values) headers.append(name, value);
  const status = response.statusCode ?? 0;
  // A body that nobody reads does not keep the process running.
  let { socket }: { socket: Socket | undefined } = response;
  socket.unref();
  response.once('end', () => {
    if (!request.writableFinished) request.destroy();
  });
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  const body = (hasBody ? decode(response, headers) : response)[Symbol.asyncIterator]();
  return {
    status,
    headers,
    body: {
      async next() {
        socket?.ref();
        // From its end on it is the agent's.
        socket = undefined;
        const next: IteratorResult<Buffer> = await body.next();
        if (next.done === true) return { done: true, value: undefined };
        const { buffer, byteOffset, length } = next.value;
        return { done: false, value: new Uint8Array(buffer, byteOffset, length) };
      },
    },
  };
}

/** Undo encodings as `fetch` does: all of them, or none where one is unknown. */
function decode(response: IncomingMessage, headers: Headers): Readable {
  const text = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  const names = text === '' || text === 'identity' ? [] : text.split(/\s*,\s*/).reverse();
  if (names.length > maximumEncodings) throw new Error(`the body has ${names.length} encodings, one in the other`);
  if (names.length === 0 || names.some((name) => decoders[name] === undefined)) return response;
  // Who reads the last stream is told of an error in any of them.
  return pipeline([response, ...names.map((name) => decoders[name]!())], () => undefined) as unknown as Readable;
}
