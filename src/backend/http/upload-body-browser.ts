/**
 * The body of an upload in a browser: Chromium streams one by HTTP/2 alone, and others send `[object ReadableStream]`.
 *
 * @module
 */

/** What `fetch` is to be given. A browser keeps a large blob on the disk. */
export async function uploadBody(chunks: AsyncIterable<Uint8Array>): Promise<Pick<RequestInit, 'body'>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) parts.push(chunk as Uint8Array<ArrayBuffer>);
  return { body: new Blob(parts) };
}
