/**
 * A binary cache over HTTP, in memory, that counts what it is asked.
 *
 * @module
 */
import { type LocalServer, type SeenRequest, startServer } from '../../backend/http/local-server.ts';

export interface CacheServer extends LocalServer {
  readonly objects: ReadonlyMap<string, Buffer>;
  /** The URI of the cache, for a worker that does not wait long. */
  readonly uri: string;
  /** How often a method was used on a key. */
  count(method: string, key?: string): number;
  /** A status instead of what is asked for; none when it returns nothing. */
  refuse: (request: SeenRequest) => number | undefined;
}

export async function startCacheServer(): Promise<CacheServer> {
  const objects = new Map<string, Buffer>();
  const counts = new Map<string, number>();
  const server = await startServer((request, response) => {
    const { method, url, body } = request;
    server.requests.length = 0;
    for (const name of [method, `${method} ${url.slice(1)}`]) counts.set(name, (counts.get(name) ?? 0) + 1);
    const status = cache.refuse(request);
    const object = objects.get(url);
    if (status !== undefined) response.writeHead(status).end();
    else if (method === 'PUT') {
      objects.set(url, body);
      response.writeHead(201).end();
    } else if (object === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': object.length }).end(method === 'HEAD' ? undefined : object);
  });
  const settings = 'compression=none&retry-attempts=2&retry-delay=10&retry-delay-rate-limited=10';
  const cache: CacheServer = {
    ...server,
    objects,
    uri: `${server.url}?${settings}`,
    count: (method, key) => counts.get(key === undefined ? method : `${method} ${key}`) ?? 0,
    refuse: () => undefined,
  };
  return cache;
}
