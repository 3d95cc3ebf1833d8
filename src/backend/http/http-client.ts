/**
 * What carries requests: `node:http` where there is Node, else `fetch`.
 *
 * Node's own `fetch` keeps what it uploads in memory (it tees each request's stream), connects anew after each HEAD, and has no
 * setting for certificates and timeouts.
 *
 * @module
 */

/** One request to one server. */
export interface HttpMessage {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The body; for chunks the headers have a `Content-Length`. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Ends the request, and the reading of its reply. */
  readonly signal: AbortSignal;
}

/** The reply, when its head arrived. Redirects are not followed; gzip, deflate and br are undone. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterator<Uint8Array>;
}

/** Sends requests. Whatever is wrong with the connection is thrown as the runtime has it. */
export interface HttpClient {
  send(message: HttpMessage): Promise<HttpReply>;
  /** Let go of connections. */
  close(): void;
}

/** What a client may be told. */
export interface HttpClientOptions {
  /** Where the backend is. */
  readonly origin: string;
  /** How long a connection may take to be made. */
  readonly connectTimeoutMs: number;
  /** A certificate that the origin wants to see, and its key, in PEM. */
  readonly tlsCertificate?: string | undefined;
  readonly tlsPrivateKey?: string | undefined;
}
