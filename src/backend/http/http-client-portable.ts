/**
 * Requests by `fetch`.
 *
 * @module
 */
import { uploadBody } from '#upload-body';
import type { HttpClient, HttpClientOptions } from './http-client.ts';

/** @throws TypeError for a certificate, of which `fetch` knows nothing. */
export function createHttpClient({ tlsCertificate, tlsPrivateKey }: HttpClientOptions): HttpClient {
  if (tlsCertificate !== undefined || tlsPrivateKey !== undefined)
    throw new TypeError('fetch has no setting for a client certificate: give a fetch that has the certificate');
  return createFetchClient(globalThis.fetch);
}

/** A client that sends requests with this `fetch`. */
export function createFetchClient(fetch: typeof globalThis.fetch): HttpClient {
  return {
    async send({ method, url, headers, body, signal }) {
      const init: RequestInit = { method, headers, redirect: 'manual', signal };
      if (body instanceof Uint8Array) init.body = body as Uint8Array<ArrayBuffer>;
      else if (body !== undefined) Object.assign(init, await uploadBody(body));
      let response = await fetch(url, init);
      // A browser shows no redirect, but follows it, without credentials to another host.
      if (response.type === 'opaqueredirect' && body === undefined)
        response = await fetch(url, { ...init, redirect: 'follow' });
      return { status: response.status, headers: response.headers, body: readStream(response.body) };
    },
    close() {},
  };
}

/** Not every runtime's streams are iterable. */
function readStream(stream: ReadableStream<Uint8Array> | null): AsyncIterator<Uint8Array> {
  const reader = stream?.getReader();
  return {
    async next() {
      const next = await reader?.read();
      return next?.done === false ? { done: false, value: next.value } : { done: true, value: undefined };
    },
  };
}
