/**
 * What lies between a client and a real server: an HTTP proxy that passes requests on, or does what networks do.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';

/** A request as it arrives. */
export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Counted from 1. */
  readonly number: number;
}

/** What happens to a request; passed on as it is when there is nothing. */
export interface Fate {
  /** Answered here, and never passed on. */
  readonly answer?: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };
  /** Cut off before it is passed on, after so many bytes of the server's answer (its head counts as one), or never answered. */
  readonly cut?: 'before' | 'hangs' | number;
  /** After so many bytes of the answer no more come, and the connection stays. */
  readonly stallAfter?: number;
  /** Nothing happens to the request before this. */
  readonly hold?: Promise<unknown>;
  /** Called when the server's answer is passed on. */
  readonly answered?: () => void;
  /** One bit of the request's body is turned. */
  readonly corrupt?: boolean;
}

export interface FaultyProxy {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  /** The most requests that were here at a time. */
  readonly mostAtOnce: () => number;
  /** What happens to the requests from now on. */
  decide: (request: SeenRequest) => Fate | undefined;
  stop(): Promise<void>;
}

/** A proxy in front of the server at `endpoint`. */
export async function startProxy(
  endpoint: string,
  decide: FaultyProxy['decide'] = () => undefined,
): Promise<FaultyProxy> {
  const { hostname, port } = new URL(endpoint);
  let atOnce = 0;
  let most = 0;

  const pass = (from: IncomingMessage, to: ServerResponse, fate: Fate): void => {
    const { method = '', url = '', headers } = from;
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      fate.answered?.();
      if (fate.cut === 0) return void from.socket.destroy();
      to.writeHead(answer.statusCode!, answer.rawHeaders);
      if (fate.stallAfter !== undefined) answer.pipe(cutAfter(fate.stallAfter, () => undefined)).pipe(to);
      else if (typeof fate.cut === 'number') answer.pipe(cutAfter(fate.cut, () => from.socket.destroy())).pipe(to);
      else answer.pipe(to);
      answer.on('error', () => from.socket.destroy());
    });
    onward.on('error', () => from.socket.destroy());
    to.on('close', () => onward.destroy());
    (fate.corrupt ? from.pipe(turnOneBit()) : from).pipe(onward);
  };

  const server = createServer(async (from, to) => {
    most = Math.max(most, ++atOnce);
    to.on('close', () => atOnce--);
    const seen = { method: from.method!, path: from.url!, headers: from.headers, number: proxy.seen.length + 1 };
    proxy.seen.push(seen);
    const fate = proxy.decide(seen) ?? {};
    await fate.hold;
    if (fate.cut === 'before') return void from.socket.destroy();
    if (fate.cut === 'hangs') return void from.resume();
    if (fate.answer === undefined) return pass(from, to, fate);
    const { status, headers = {}, body = '' } = fate.answer;
    from.resume().on('end', () => to.writeHead(status, headers).end(from.method === 'HEAD' ? undefined : body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    mostAtOnce: () => most,
    decide,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return proxy;
}

function cutAfter(bytes: number, cut: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) done();
      else setImmediate(cut); // and never ask for more
    },
  });
}

function turnOneBit(): Transform {
  let turned = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!turned) chunk[0]! ^= 1;
      turned = true;
      done(null, chunk);
    },
  });
}

/** An error as S3 writes it. */
export function s3Answer(status: number, code: string, more = '', headers: Record<string, string> = {}): Fate {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code} it is</Message>${more}</Error>`;
  return { answer: { status, headers: { 'content-type': 'application/xml', ...headers }, body } };
}
