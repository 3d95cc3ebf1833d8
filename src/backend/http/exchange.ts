/**
 * One request and its answer: watched, its redirects followed, its errors in narkit's words.
 *
 * @module
 */
import { messageOf } from '../../errors.ts';
import { BackendError, type Content } from '../backend.ts';
import { type ContentReading, readContent } from '../content.ts';
import { onAbort } from '../until-aborted.ts';
import type { HttpClient, HttpReply } from './http-client.ts';
import { createStallWatch } from './stall-watch.ts';
import type { HttpMethod } from './status.ts';
import { watchUpload } from './upload.ts';

/** What all exchanges of a backend have in common. */
export interface Transport {
  readonly client: HttpClient;
  /** The backend's URI, for errors. */
  readonly uri: string;
  readonly stallTimeoutMs: number;
  readonly minimumBytesPerSecond: number;
  /** What to send as `Authorization` to a URL. */
  authorization(target: URL): string | undefined;
}

/** What to ask. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  /** The key, or what stands for it, for errors. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content?: Uint8Array | Content | undefined;
  readonly signal: AbortSignal | undefined;
}

/** An answer whose body is yet to be read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The URL that answered, without what may be secret in it. */
  readonly url: string;
  /** The next bytes, `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Let go of the connection, to the next request when the answer was read to its end. */
  leave(): void;
}

const maximumRedirects = 10;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Send a request, and follow redirects.
 *
 * Methods are kept, also where browsers turn to GET: a PUT that became one would look done. Each hop gets the credentials
 * that are meant for it, and no others.
 *
 * @throws {@link BackendError} `backend-unreachable` when there is no answer, `backend-response` when redirects do not end or
 *   lead nowhere; what the content throws; the signal's reason.
 */
export async function exchange(transport: Transport, request: HttpRequest): Promise<HttpAnswer> {
  let { url } = request;
  for (let redirects = 0; ; redirects++) {
    const answer = await exchangeOnce(transport, { ...request, url });
    if (!redirectStatuses.has(answer.status)) return answer;
    const location = answer.headers.get('location');
    await readStart(answer).catch(() => undefined);
    request.signal?.throwIfAborted();
    url = redirectTarget(transport, request, url, answer.status, location);
    if (redirects === maximumRedirects)
      throw responseError(transport, request, url, `there are more than ${maximumRedirects} redirects`);
  }
}

/** The beginning of a body, as text, and the rest of it left or, when short, read for the sake of the connection. */
export async function readStart(answer: HttpAnswer, maximumBytes: number = 16 * 1024): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (let received = 0; received < maximumBytes; ) {
      const chunk = await answer.next();
      if (chunk === undefined) break;
      received += chunk.length;
      text += decoder.decode(chunk, { stream: true });
    }
    return text.slice(0, maximumBytes);
  } finally {
    answer.leave();
  }
}

/** A URL as it may be shown: without login and query, which may hold a signature. */
function showUrl(url: URL): string {
  return url.origin + url.pathname;
}

function redirectTarget(
  transport: Transport,
  request: HttpRequest,
  from: URL,
  status: number,
  location: string | null,
): URL {
  if (status === 303 && request.method !== 'GET' && request.method !== 'HEAD')
    throw responseError(
      transport,
      request,
      from,
      `the server answers ${status}, which is no answer to ${request.method}`,
    );
  if (location === null || !URL.canParse(location, from.href))
    throw responseError(transport, request, from, `the server answers ${status} without saying where to`);
  const target = new URL(location, from);
  target.username = '';
  target.password = '';
  if (target.protocol === 'http:' || target.protocol === 'https:') return target;
  throw responseError(transport, request, from, `the server sends to '${target.protocol}', which is not HTTP`);
}

async function exchangeOnce(transport: Transport, request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, key, content, signal } = request;
  const stop = new AbortController();
  let stalled = false;
  const { stallTimeoutMs, minimumBytesPerSecond } = transport;
  const watch = createStallWatch(stallTimeoutMs, minimumBytesPerSecond, () => {
    stalled = true;
    stop.abort();
  });
  const release = onAbort(signal, () => stop.abort(signal?.reason));
  signal?.throwIfAborted();
  const finish = (): void => {
    release();
    watch.stop();
  };

  let reading: ContentReading | undefined;
  const failureOf = (error: unknown): unknown => {
    if (signal?.aborted === true) return signal.reason;
    const reason = stalled ? describeStall(transport) : reasonOf(error);
    const contentFailure = stalled ? undefined : reading?.failure();
    return contentFailure === undefined ? unreachable(transport, request, reason, error) : contentFailure.error;
  };

  const headers = new Headers(request.headers);
  const authorization = transport.authorization(url);
  if (authorization !== undefined) headers.set('authorization', authorization);
  let body: Uint8Array | AsyncGenerator<Uint8Array> | undefined;
  if (content !== undefined) {
    // Known in advance, for many servers refuse chunked bodies. (A browser sets it itself.)
    headers.set('content-length', String(content instanceof Uint8Array ? content.length : content.size));
    if (!(content instanceof Uint8Array))
      reading = readContent(content, { uri: transport.uri, key, signal: stop.signal });
    body = reading === undefined ? (content as Uint8Array) : watchUpload(reading.chunks, watch);
  }

  let reply: HttpReply;
  try {
    watch.wait();
    reply = await transport.client.send({ method, url, headers, body, signal: stop.signal });
  } catch (error) {
    const failure = failureOf(error);
    finish();
    stop.abort();
    throw failure;
  } finally {
    watch.pause();
  }
  // The head may take its time, and a slow body is not to pay for it.
  watch.restart();

  let ended = false;
  return {
    status: reply.status,
    headers: reply.headers,
    url: showUrl(url),
    async next() {
      if (ended) return undefined;
      try {
        signal?.throwIfAborted();
        watch.wait();
        const next = await reply.body.next();
        watch.pause();
        if (next.done !== true) {
          watch.progress(next.value.length);
          return next.value;
        }
        ended = true;
        finish();
        return undefined;
      } catch (error) {
        finish();
        throw failureOf(error);
      }
    },
    leave() {
      finish();
      if (!ended) stop.abort();
    },
  };
}

function describeStall({ stallTimeoutMs, minimumBytesPerSecond }: Transport): string {
  return `fewer than ${minimumBytesPerSecond} bytes a second moved for ${stallTimeoutMs / 1000} seconds`;
}

function unreachable(
  { uri }: Transport,
  { method, url, key }: HttpRequest,
  reason: string,
  cause: unknown,
): BackendError {
  return new BackendError('backend-unreachable', `${method} ${showUrl(url)}: ${reason}`, {
    uri,
    key,
    retryable: !isCertificateError(cause),
    cause,
  });
}

function responseError({ uri }: Transport, { method, key }: HttpRequest, url: URL, reason: string): BackendError {
  return new BackendError('backend-response', `${method} ${showUrl(url)}: ${reason}`, { uri, key });
}

/** Words of Node and of `fetch` that say no more than that. */
const brokeOff: ReadonlySet<string> = new Set(['aborted', 'terminated', 'socket hang up', 'other side closed']);

function reasonOf(error: unknown): string {
  const message = messageOf(rootOf(error)) || messageOf(error);
  return brokeOff.has(message) ? 'the connection broke off' : message;
}

/** `fetch failed` says nothing, its cause does; and a host with several addresses has an error for each. */
function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError) return error.errors[0];
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

/** Trying again does not mend a certificate. */
function isCertificateError(error: unknown): boolean {
  const root = rootOf(error);
  const code = root instanceof Error && 'code' in root ? String(root.code) : '';
  return /CERT|^UNABLE_TO_|^ERR_TLS_/.test(code);
}
