/**
 * Where Prometheus fetches the metrics: `GET /metrics`.
 *
 * @module
 */
import { lstat, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { messageOf, NarkitError } from '../errors.ts';

/** A server that answers until it is closed. It does not keep the process alive. */
export interface MetricsServer {
  /** Where it listens: `http://HOST:PORT`, or `unix:PATH`. */
  readonly address: string;
  /** Answer no longer. */
  close(): Promise<void>;
}

/** What the server tells. */
export interface MetricsSource {
  /** For the header `Content-Type`. */
  readonly contentType: string;
  /** The text, as it is now. */
  readonly format: () => Promise<string>;
}

/** Prometheus needs one; this many may look at the same time. */
const maximumConnections = 16;

/**
 * Answer `GET /metrics` at `HOST:PORT` or `unix:PATH`. Port 0 takes a free one; no host means this machine alone.
 *
 * @throws {@link NarkitError} `metrics-address` when it is none, or cannot be listened at.
 */
export async function serveMetrics(address: string, source: MetricsSource): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, response, source).catch(() => response.destroy());
  });
  server.maxConnections = maximumConnections;
  server.unref();
  const place = parseAddress(address);
  try {
    if ('path' in place) await removeDeadSocket(place.path);
    await listen(server, place);
  } catch (error) {
    throw new NarkitError('metrics-address', `cannot serve metrics at '${address}': ${messageOf(error)}`, {
      cause: error,
    });
  }
  return {
    address: formatAddress(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, source: MetricsSource): Promise<void> {
  const say = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  // Nothing is read of a body: the connection ends with the answer.
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return say(405, 'only GET is allowed here\n', { allow: 'GET, HEAD', connection: 'close' });
  if (request.url?.split('?', 1)[0] !== '/metrics') return say(404, 'the metrics are at /metrics\n');
  try {
    say(200, await source.format(), { 'content-type': source.contentType });
  } catch (error) {
    say(500, `${messageOf(error)}\n`);
  }
}

type Place = { readonly path: string } | { readonly host: string; readonly port: number };

function parseAddress(address: string): Place {
  const path = /^unix:(\/.+)$/s.exec(address)?.[1];
  if (path !== undefined) return { path };
  const [, bracketed, host, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/\s]*)):(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new NarkitError('metrics-address', `'${address}' is neither 'HOST:PORT' nor 'unix:/PATH'`);
  return { host: bracketed || host || '127.0.0.1', port: Number(port) };
}

function listen(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The socket of a process that was killed keeps its name; one that somebody answers at stays. */
async function removeDeadSocket(path: string): Promise<void> {
  const isSocket = await lstat(path).then(
    (status) => status.isSocket(),
    () => false,
  );
  if (isSocket && !(await isAnswered(path))) await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
}

function formatAddress(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return `unix:${address}`;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
