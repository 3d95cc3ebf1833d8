/**
 * A binary cache behind an HTTP server: one that serves files, and perhaps takes them (WebDAV's PUT and DELETE).
 *
 * Rules: Nix `src/libstore/http-binary-cache-store.cc`, `filetransfer.cc`.
 *
 * @module
 */
import { createHttpClient } from '#http-client';
import type { AbortOptions } from '../../abort.ts';
import { type Backend, BackendError, type BackendObject, type ByteRange, type Content, checkKey } from '../backend.ts';
import { checkRange, formatRangeHeader } from '../range.ts';
import { type RetrySettings, retrying } from '../retry.ts';
import { createSlots } from '../slots.ts';
import { createAuthorization, type HttpCredentials, takeLogin } from './credentials.ts';
import { readDownload } from './download.ts';
import { exchange, type HttpAnswer, readStart, type Transport } from './exchange.ts';
import type { HttpClient } from './http-client.ts';
import { createFetchClient } from './http-client-portable.ts';
import { readRepresentation, readUnsatisfiedRange } from './representation.ts';
import { type HttpMethod, s3CodeOf, saysAbsent, saysDone, statusError } from './status.ts';
import { lookForZstd } from './undone-zstd.ts';

/** How to speak with the server. */
export interface HttpBackendOptions extends HttpCredentials {
  /** How often and after how long to try again. */
  readonly retry?: RetrySettings | undefined;
  /** How long a connection may take to be made. Default 15,000. A given `fetch` has its own, and so has a browser. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * A transfer that was slower than `minimumBytesPerSecond` for so long is given up, an answer that does not begin too. Default
   * 300,000 as Nix's `stalled-download-timeout`.
   */
  readonly stallTimeoutMs?: number | undefined;
  /**
   * Slower than this a transfer counts as one that stands still. Default 100: what Nix waits for, a byte a second, lets a
   * server that means harm hold up a download for years.
   */
  readonly minimumBytesPerSecond?: number | undefined;
  /** So many requests wait for their answers at a time, each on a connection. Default 64. */
  readonly maximumConnections?: number | undefined;
  /** A certificate that the server wants to see, in PEM (Nix's `tls-certificate`); not in a browser. */
  readonly tlsCertificate?: string | undefined;
  /** Its private key, in PEM (Nix's `tls-private-key`). */
  readonly tlsPrivateKey?: string | undefined;
  /**
   * What to send requests with in place of the runtime's own, for a proxy or the like. Beware of Node's `fetch`: it keeps what
   * it uploads in memory.
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Nix has 25 (`http-connections`), and any number of requests on each where the server speaks HTTP/2. A path takes three answers, one after
 * the other: from 100 ms away, 25 connections carry 80 small paths a second, whatever the bandwidth.
 */
const defaultConnections = 64;

/** A backend behind an HTTP server: its objects have URLs, and it does not list. */
export type HttpBackend = Backend & Required<Pick<Backend, 'getByUrl' | 'close'>>;

interface Ask extends AbortOptions {
  readonly key: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Uint8Array | Content;
}

/**
 * Objects at the URLs below `url`.
 *
 * - A login in the URL goes to that server alone, and into no message.
 * - What the statuses mean is Nix's: see `status.ts`. A 403 counts as absent when reading, but for `nix-cache-info`.
 * - What fails for a while is tried again as Nix does, content opened anew for each try, after what `Retry-After` asks for up
 *   to five minutes. A download that breaks off goes on from there, where the server still has the same file and says so: by a
 *   range, or, where it has no ranges, past the bytes that came before.
 * - At most ten redirects are followed.
 * - A body is as long as its server says or an error. How long it may be is for the reader to say.
 *
 * @throws TypeError for what is no URL with `http:` or `https:`, one with a query or fragment, and a bearer token that cannot be sent.
 * @example
 * ```ts
 * const backend = createHttpBackend('https://cache.example.org', { retry: { attempts: 3 } });
 * ```
 */
export function createHttpBackend(url: string, options: HttpBackendOptions = {}): HttpBackend {
  const bare = takeLogin(checkUrl(url));
  const base = new URL(bare.url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const uri = base.href.slice(0, -1);
  const { retry = {}, maximumConnections = defaultConnections } = options;
  const slots = createSlots(maximumConnections);
  const transport: Transport = {
    uri,
    client: options.fetch === undefined ? createClient(base.origin, options) : createFetchClient(options.fetch),
    stallTimeoutMs: options.stallTimeoutMs ?? 300_000,
    minimumBytesPerSecond: options.minimumBytesPerSecond ?? 100,
    authorization: createAuthorization(bare, options),
  };
  const urlOf = (key: string): URL => new URL(base.href + checkKey(key).split('/').map(encodeURIComponent).join('/'));

  /** One try: the answer where it says done, `undefined` where it says absent. */
  const ask = async (
    method: HttpMethod,
    { key, url: target, headers = {}, content, signal }: Ask,
  ): Promise<HttpAnswer | undefined> => {
    const request = { method, key, url: target, headers, content, signal };
    const answer = await slots(() => exchange(transport, request), signal);
    const { status } = answer;
    if (saysDone(status) || (status === 416 && headers.range !== undefined)) return answer;
    const text = await readStart(answer).catch(() => '');
    signal?.throwIfAborted();
    if (saysAbsent(method, key, status, s3CodeOf(text))) return undefined;
    throw statusError({ method, key, uri, url: answer.url, status, headers: answer.headers, text });
  };

  const askForPart = (at: Ask, range: ByteRange | undefined, ifRange?: string): Promise<HttpAnswer | undefined> => {
    if (range === undefined) return ask('GET', at);
    const condition = ifRange === undefined ? {} : { 'if-range': ifRange };
    return ask('GET', { ...at, headers: { range: formatRangeHeader(range), ...condition } });
  };

  const getOnce = async (at: Ask, range: ByteRange | undefined): Promise<BackendObject | undefined> => {
    const { key, signal } = at;
    const first = await askForPart(at, range);
    if (first === undefined) return undefined;
    if (first.status === 416) {
      await readStart(first);
      return { key, size: readUnsatisfiedRange(first.headers), body: nothing(signal) };
    }
    const stated = readRepresentation(first.status, first.headers, range);
    if (stated === undefined) {
      first.leave();
      throw new BackendError('backend-response', `GET ${first.url}: the server gives another part than was asked for`, {
        uri,
        key,
        status: first.status,
      });
    }
    const { answer, representation } = await lookForZstd(first, stated);
    const { size, contentEncoding } = representation;
    const request = async (part: ByteRange | undefined, ifRange?: string): Promise<HttpAnswer> => {
      const again = await askForPart(at, part, ifRange);
      if (again !== undefined && again.status !== 416) return again;
      again?.leave();
      throw new BackendError('backend-response', `GET ${first.url}: the file went away while it was read`, {
        uri,
        key,
      });
    };
    const body = readDownload({ uri, key, range, answer, representation, retry, signal, request });
    return { key, size, contentEncoding, body };
  };

  const headAt = (at: Ask): Promise<{ readonly size: number | undefined } | undefined> =>
    retrying(
      async () => {
        // A length of compressed bytes would not be that of the object.
        const answer = await ask('HEAD', { ...at, headers: { 'accept-encoding': 'identity' } });
        await answer?.next();
        return answer && { size: readRepresentation(200, answer.headers, undefined)?.size };
      },
      retry,
      at,
    );

  const getAt = async (at: Ask, range: ByteRange | undefined): Promise<BackendObject | undefined> => {
    if (range !== undefined) checkRange(range);
    if (range?.length !== 0) return retrying(() => getOnce(at, range), retry, at);
    // HTTP has no way to ask for no bytes.
    const head = await headAt(at);
    return head && { key: at.key, size: head.size, body: nothing(at.signal) };
  };

  return {
    uri,
    get: async (key, { signal, range } = {}) => getAt({ key, url: urlOf(key), signal }, range),
    async getByUrl(reference, { signal, range } = {}) {
      const target = URL.canParse(reference, base.href) ? takeLogin(new URL(reference, base)).url : undefined;
      if (target?.protocol !== 'http:' && target?.protocol !== 'https:')
        throw new BackendError('backend-refused', `'${reference}' is no URL below '${uri}' and no other of HTTP`, {
          uri,
        });
      return getAt({ key: reference, url: target, signal }, range);
    },
    head: async (key, { signal } = {}) => headAt({ key, url: urlOf(key), signal }),
    async put(key, content, { signal, contentType, contentEncoding } = {}) {
      const headers = {
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
      };
      const at = { key, url: urlOf(key), headers, content, signal };
      await retrying(async () => readStart((await ask('PUT', at))!), retry, at);
    },
    async delete(key, { signal } = {}) {
      const at = { key, url: urlOf(key), signal };
      const deleteOnce = async (): Promise<void> => {
        const answer = await ask('DELETE', at);
        if (answer !== undefined) await readStart(answer);
      };
      await retrying(deleteOnce, retry, at).catch(async (error: unknown) => {
        // WebDAV says conflict of what is no file, a directory among others.
        const isConflict = error instanceof BackendError && error.status === 409;
        if (!isConflict || (await headAt(at)) !== undefined) throw error;
      });
    },
    async close() {
      transport.client.close();
    },
  };
}

function createClient(origin: string, { connectTimeoutMs = 15_000, ...options }: HttpBackendOptions): HttpClient {
  const { tlsCertificate, tlsPrivateKey } = options;
  return createHttpClient({ origin, connectTimeoutMs, tlsCertificate, tlsPrivateKey });
}

function checkUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:'))
    throw new TypeError('the URL of an HTTP backend begins with http:// or https://');
  if (parsed.search === '' && parsed.hash === '') return parsed;
  throw new TypeError('the URL of an HTTP backend has no query and no fragment: settings are options');
}

async function* nothing(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  yield* [];
}
