import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { BackendError, Content } from '../../../src/backend/backend.ts';
import { createHttpBackend, type HttpBackendOptions } from '../../../src/backend/http/http-backend.ts';
import { readAll } from '../read-all.ts';
import { clients } from './clients.ts';
import { type Answer, type LocalServer, startFull, startRaw, startServer } from './local-server.ts';

/** Tries that follow each other at once. */
const retry = { attempts: 3, delayMs: 1, rateLimitedDelayMs: 1, maximumDelayMs: 1 };
const bytes = new TextEncoder().encode('StorePath: x\n');

const servers: LocalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function server(answer: Answer): Promise<LocalServer> {
  const started = await startServer(answer);
  servers.push(started);
  return started;
}

async function raw(answer: Parameters<typeof startRaw>[0]): Promise<LocalServer> {
  const started = await startRaw(answer);
  servers.push(started);
  return started;
}

async function errorOf(promise: Promise<unknown>): Promise<BackendError> {
  return promise.then(
    () => expect.fail('it went through'),
    (error: BackendError) => error,
  );
}

async function bytesAt(backend: ReturnType<typeof createHttpBackend>, key: string): Promise<Uint8Array> {
  const object = await backend.get(key);
  if (object === undefined) expect.fail(`'${key}' is absent`);
  return readAll(object.body);
}

function countedContent(): Content & { opened: number } {
  return {
    size: 200_000,
    opened: 0,
    async *open() {
      this.opened++;
      for (let part = 0; part < 20; part++) yield new Uint8Array(10_000).fill(part);
    },
  };
}

function zeros(size: number): Content {
  return {
    size,
    async *open() {
      for (let sent = 0; sent < size; sent += 100_000) yield new Uint8Array(100_000);
    },
  };
}

describe.each(clients)('$client', ({ fetch }) => {
  /** What `fetch` has no setting for, or leaves to its runtime. */
  const itByNode = fetch === undefined ? it : () => undefined;

  const backendAt = (
    { url }: Pick<LocalServer, 'url'>,
    options: HttpBackendOptions = {},
  ): ReturnType<typeof createHttpBackend> => createHttpBackend(url, { retry, fetch, ...options });

  describe('statuses', () => {
    const statusesOf = async (status: number, key = 'x.narinfo', body = ''): Promise<Record<string, unknown>> => {
      const at = await server((_request, response) => {
        response.writeHead(status, status === 200 ? {} : { 'content-type': 'text/plain' }).end(body);
      });
      const backend = backendAt(at);
      const outcome = async (call: () => Promise<unknown>): Promise<unknown> => {
        const before = at.requests.length;
        const result = await call().then(
          (value) => (value === undefined ? 'undefined' : 'done'),
          (error: BackendError) => `${error.code}${error.retryable ? ' retryable' : ''} ${error.status}`,
        );
        return `${result} x${at.requests.length - before}`;
      };
      return {
        get: await outcome(() => backend.get(key)),
        head: await outcome(() => backend.head(key)),
        put: await outcome(() => backend.put(key, bytes)),
        delete: await outcome(() => backend.delete(key)),
      };
    };

    it('404 and 410: absent', async () => {
      for (const status of [404, 410])
        expect(await statusesOf(status)).toEqual({
          get: 'undefined x1',
          head: 'undefined x1',
          put: `backend-refused ${status} x1`,
          delete: 'undefined x1',
        });
    });

    it('403: absent when reading, but not of nix-cache-info, and denied when writing', async () => {
      const denied = 'backend-denied 403 x1';
      expect(await statusesOf(403)).toEqual({ get: 'undefined x1', head: 'undefined x1', put: denied, delete: denied });
      expect(await statusesOf(403, 'nix-cache-info')).toEqual({
        get: denied,
        head: denied,
        put: denied,
        delete: denied,
      });
    });

    it('401: denied, once; 407, which fetch does not show: no answer', async () => {
      const denied = 'backend-denied 401 x1';
      expect(await statusesOf(401)).toEqual({ get: denied, head: denied, put: denied, delete: denied });
      expect(await statusesOf(407)).toMatchObject({ get: expect.stringMatching(/^backend-(denied|unreachable) /) });
    });

    it('that come before the end of an upload', async () => {
      for (const [status, code] of [
        [401, 'backend-denied'],
        [403, 'backend-denied'],
        [413, 'backend-refused'],
      ] as const) {
        const at = await raw((socket) => {
          socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        });
        const error = await errorOf(backendAt(at).put('nar/x.nar', zeros(50_000_000)));
        expect(error).toMatchObject({ code, status, retryable: false });
      }
    });

    it('408, 429 and most 5xx: tried again', async () => {
      for (const [status, code] of [
        [408, 'backend-unreachable'],
        [429, 'backend-refused'],
        [500, 'backend-refused'],
        [502, 'backend-refused'],
        [503, 'backend-refused'],
        [504, 'backend-refused'],
        [507, 'backend-full'],
      ]) {
        const failed = `${code} retryable ${status} x3`;
        expect(await statusesOf(status as number)).toEqual({ get: failed, head: failed, put: failed, delete: failed });
      }
    });

    it('other 4xx, 501, 505 and 511: refused, once', async () => {
      for (const status of [400, 409, 413, 418, 422, 505, 511]) {
        const refused = `backend-refused ${status} x1`;
        const outcome = await statusesOf(status);
        expect(outcome).toMatchObject({ get: refused, head: refused, put: refused });
      }
      for (const status of [405, 501])
        expect(await statusesOf(status)).toEqual({
          get: `backend-refused ${status} x1`,
          head: `backend-refused ${status} x1`,
          put: `backend-read-only ${status} x1`,
          delete: `backend-read-only ${status} x1`,
        });
    });

    it('S3’s words for overload: tried again, whatever the status', async () => {
      const body = '<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code></Error>';
      expect(await statusesOf(403, 'x.narinfo', body)).toMatchObject({
        get: 'backend-denied retryable 403 x3',
        put: 'backend-denied retryable 403 x3',
      });
      const other = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>';
      expect(await statusesOf(403, 'x.narinfo', other)).toMatchObject({
        get: 'undefined x1',
        put: 'backend-denied 403 x1',
      });
    });

    it('202 and 304 are no success', async () => {
      for (const status of [202, 304])
        expect(await statusesOf(status)).toMatchObject({ get: `backend-response ${status} x1` });
    });

    it('are told in one line that names the URL', async () => {
      const at = await server((_request, response) => void response.writeHead(405).end());
      const error = await errorOf(backendAt(at).put('nar/x.nar', bytes));
      expect(error.message).toBe(
        `PUT ${at.url}/nar/x.nar: the server answers 405: it takes no PUT: is this URL meant for uploading?`,
      );
      expect(error).toMatchObject({ uri: at.url, key: 'nar/x.nar', status: 405 });
    });
  });

  describe('trying again', () => {
    it('a burst of 503 passes, and content is opened anew for each try', async () => {
      const at = await server((_request, response, number) => void response.writeHead(number < 3 ? 503 : 201).end());
      const content = countedContent();
      await backendAt(at).put('nar/x.nar', content);
      expect(content.opened).toBe(3);
      expect(new Set(at.requests.map(({ body }) => body.toString('latin1'))).size).toBe(1);
      for (const { headers, body } of at.requests) {
        expect(headers).toMatchObject({ 'content-length': '200000' });
        expect(headers).not.toHaveProperty('transfer-encoding');
        expect(body).toHaveLength(200_000);
      }
    });

    it('Retry-After as a date is waited for, and an unreasonable one is not', async () => {
      const at = await server((_request, response, number) => {
        if (number === 2) response.end('at last');
        else response.writeHead(503, { 'retry-after': new Date(Date.now() + 2000).toUTCString() }).end();
      });
      const begun = Date.now();
      expect(await bytesAt(backendAt(at), 'x.narinfo')).toHaveLength(7);
      expect(Date.now() - begun).toBeGreaterThan(900);

      const patient = await server(
        (_request, response) => void response.writeHead(503, { 'retry-after': '86400' }).end(),
      );
      const error = await errorOf(backendAt(patient).get('x.narinfo'));
      expect(error).toMatchObject({ status: 503, retryable: true, retryAfterMs: 86_400_000 });
      expect(patient.requests).toHaveLength(1);
    });

    it('connections that are reset, at the start and in the middle of an upload', async () => {
      const at = await raw((socket, number) => {
        if (number === 1) socket.resetAndDestroy();
        else if (number === 2) socket.destroy();
        else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
      expect(new TextDecoder().decode(await bytesAt(backendAt(at), 'x.narinfo'))).toBe('ok');

      const uploads = await raw((socket) => void socket.resetAndDestroy());
      const error = await errorOf(backendAt(uploads).put('nar/x.nar', countedContent()));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true, key: 'nar/x.nar' });
      expect(uploads.connections()).toBe(3);
    });

    it('a server that is not there', async () => {
      const gone = await server(() => undefined);
      await gone.close();
      const error = await errorOf(backendAt(gone).get('x.narinfo'));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(error.message).toMatch(new RegExp(`^GET ${gone.url}/x.narinfo: connect ECONNREFUSED 127.0.0.1:\\d+$`));
    });

    itByNode('a server that takes no connection, and one whose handshake hangs', async () => {
      const full = await startFull();
      const options = { connectTimeoutMs: 100, retry: { attempts: 2, delayMs: 1 } };
      try {
        const error = await errorOf(backendAt(full, options).get('x.narinfo'));
        expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
        expect(error.message).toBe(`GET ${full.url}/x.narinfo: no connection within 0.1 seconds`);
      } finally {
        await full.close();
      }
      const silent = await raw(() => undefined);
      const encrypted = createHttpBackend(silent.url.replace('http:', 'https:'), options);
      expect((await errorOf(encrypted.get('x.narinfo'))).message).toContain('no connection within 0.1 seconds');
    });

    it('a name that no one knows', async () => {
      const error = await errorOf(createHttpBackend('http://narkit.invalid', { retry, fetch }).get('x.narinfo'));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(error.message).toContain('narkit.invalid');
    });

    it('what is no HTTP', async () => {
      const at = await raw((socket) => void socket.end('220 mail.example.org ESMTP\r\n'));
      expect(await errorOf(backendAt(at).get('x.narinfo'))).toMatchObject({ code: 'backend-unreachable' });
    });
  });

  describe('many requests', () => {
    itByNode('whose bodies nobody reads are let go of when they are collected', async () => {
      let open = 0;
      const at = await server((_request, response) => {
        open++;
        response.on('close', () => open--);
        response.write(new Uint8Array(100_000));
      });
      const backend = backendAt(at);
      for (let count = 0; count < 10; count++) await backend.get('nar/x.nar');
      expect(open).toBe(10);
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const openAfterCollection = (): number => {
        collect();
        return open;
      };
      await expect.poll(openAfterCollection, { timeout: 10_000 }).toBeLessThan(2);
    });

    it('come 64 at a time, and a body that nobody reads keeps none waiting', async () => {
      let atOnce = 0;
      let most = 0;
      const at = await server(async (_request, response) => {
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setTimeout(resolve, 100));
        atOnce--;
        response.end(Buffer.alloc(1_000_000));
      });
      const backend = backendAt(at);
      const objects = await Promise.all(Array.from({ length: 150 }, (_, number) => backend.get(`nar/${number}`)));
      expect(most).toBe(64);
      expect(await readAll(objects[99]!.body)).toHaveLength(1_000_000);
      const stop = AbortSignal.timeout(30);
      const waiting = Array.from({ length: 100 }, (_, number) => backend.head(`nar/${number}`, { signal: stop }));
      const outcomes = await Promise.allSettled(waiting);
      expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
      expect(await backend.head('nar/1')).toBeDefined();
    });
  });

  describe('downloads that break off', () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) >> 3));

    /** Serves ranges of the content, each cut off after `cutAfter` bytes. */
    const breaking = (headers: (number: number) => Record<string, string>, cutAfter: number): Answer => {
      return (request, response, number) => {
        const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
        const start = range === null ? 0 : Number(range[1]);
        const part = content.subarray(start, range?.[2] ? Number(range[2]) + 1 : undefined);
        response.writeHead(range === null ? 200 : 206, {
          'content-length': part.length,
          ...(range !== null && { 'content-range': `bytes ${start}-${start + part.length - 1}/${content.length}` }),
          ...headers(number),
        });
        response.write(part.subarray(0, cutAfter), () => {
          if (part.length > cutAfter) setTimeout(() => response.destroy(), 20);
          else response.end();
        });
      };
    };

    it('go on from there where the server has ranges', async () => {
      const at = await server(breaking(() => ({ 'accept-ranges': 'bytes', etag: '"same"' }), 120_000));
      expect(Buffer.compare(await bytesAt(backendAt(at), 'nar/x.nar'), content)).toBe(0);
      expect(at.requests.map(({ headers }) => headers.range)).toEqual([
        undefined,
        'bytes=120000-299999',
        'bytes=240000-299999',
      ]);
    });

    it('go on within a range', async () => {
      const at = await server(breaking(() => ({ 'accept-ranges': 'bytes' }), 60_000));
      const object = await backendAt(at).get('nar/x.nar', { range: { offset: 1000, length: 150_000 } });
      expect(object?.size).toBe(content.length);
      expect(Buffer.compare(await readAll(object!.body), content.subarray(1000, 151_000))).toBe(0);
      expect(at.requests.map(({ headers }) => headers.range)).toEqual([
        'bytes=1000-150999',
        'bytes=61000-150999',
        'bytes=121000-150999',
      ]);
    });

    it('end with an error after as many tries as there may be', async () => {
      const at = await server(breaking(() => ({ 'accept-ranges': 'bytes' }), 50_000));
      const error = await errorOf(bytesAt(backendAt(at), 'nar/x.nar'));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(at.requests).toHaveLength(3);
    });

    it('are not patched together from two files', async () => {
      for (const headers of [
        (number: number) => ({ 'accept-ranges': 'bytes', etag: `"version ${number}"` }),
        (number: number): Record<string, string> =>
          number > 1 ? { 'content-range': 'bytes 0-179999/300001' } : { 'accept-ranges': 'bytes' },
      ]) {
        const at = await server(breaking(headers, 120_000));
        const error = await errorOf(bytesAt(backendAt(at), 'nar/x.nar'));
        expect(error).toMatchObject({ code: 'backend-response', retryable: false });
        expect(at.requests).toHaveLength(2);
      }
    });

    it('go on where the server says nothing of ranges, but of what it has', async () => {
      const lastModified = 'Sun, 01 Nov 2026 00:00:00 GMT';
      for (const [headers, ifRange] of [
        [{ etag: '"same"', 'last-modified': lastModified }, '"same"'],
        [{ etag: 'W/"same"', 'last-modified': lastModified }, lastModified],
      ] as const) {
        const at = await server(breaking(() => headers, 120_000));
        expect(Buffer.compare(await bytesAt(backendAt(at), 'nar/x.nar'), content)).toBe(0);
        expect(at.requests.map((request) => request.headers['if-range'])).toEqual([undefined, ifRange, ifRange]);
      }
    });

    it('pass over what came before where the server has no ranges', async () => {
      for (const name of ['etag', 'last-modified']) {
        const at = await server((_request, response, number) => {
          response.writeHead(200, { 'content-length': content.length, [name]: '"same"' });
          response.write(content.subarray(0, number * 120_000), () => {
            if (number < 3) setTimeout(() => response.destroy(), 20);
            else response.end();
          });
        });
        expect(Buffer.compare(await bytesAt(backendAt(at), 'nar/x.nar'), content)).toBe(0);
        expect(at.requests.map(({ headers }) => headers.range)).toEqual([
          undefined,
          'bytes=120000-299999',
          'bytes=240000-299999',
        ]);
      }
    });

    it('do not go on in a whole file that is another, or of which nothing is said', async () => {
      for (const [name, otherValue] of [
        ['etag', '"other"'],
        ['last-modified', 'Mon, 02 Nov 2026 00:00:00 GMT'],
        ['accept-ranges', 'bytes'],
      ] as const) {
        const at = await server((_request, response, number) => {
          const value = name === 'accept-ranges' || number > 1 ? otherValue : '"first"';
          response.writeHead(200, { 'content-length': content.length, [name]: value });
          response.write(content.subarray(0, 120_000), () => setTimeout(() => response.destroy(), 20));
        });
        const error = await errorOf(bytesAt(backendAt(at), 'nar/x.nar'));
        expect(error).toMatchObject({ code: 'backend-response', retryable: false });
        expect(error.message).toContain('broke off after 120000 bytes, and what is there now is not the rest of it');
        expect(at.requests).toHaveLength(2);
      }
    });

    it('are not taken up where the server says nothing of ranges and files, or the body is encoded', async () => {
      for (const headers of [{}, { 'accept-ranges': 'bytes', etag: '"same"', 'content-encoding': 'xz' }]) {
        const at = await server(breaking(() => headers, 120_000));
        expect(await errorOf(bytesAt(backendAt(at), 'nar/x.nar'))).toMatchObject({ code: 'backend-unreachable' });
        expect(at.requests).toHaveLength(1);
      }
    });

    it('begin again where no byte was read', async () => {
      const at = await raw((socket, number) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
        setTimeout(() => (number === 1 ? socket.destroy() : socket.end('ok')), 50);
      });
      expect(new TextDecoder().decode(await bytesAt(backendAt(at), 'x.narinfo'))).toBe('ok');
      expect(at.connections()).toBe(2);
    });

    it('end with the signal while they wait to go on', async () => {
      const at = await server(breaking(() => ({ 'accept-ranges': 'bytes' }), 120_000));
      const stop = new AbortController();
      const backend = backendAt(at, { retry: { attempts: 3, delayMs: 1e8, maximumDelayMs: 1e9 } });
      const object = await backend.get('nar/x.nar', { signal: stop.signal });
      setTimeout(() => stop.abort('stopped'), 200);
      await expect(readAll(object!.body)).rejects.toBe('stopped');
    });
  });

  describe('bodies that do not hold together', () => {
    it('ranges that are ignored are cut out', async () => {
      const at = await server((_request, response) => void response.end('0123456789'));
      const object = await backendAt(at).get('object', { range: { offset: 3, length: 4 } });
      expect(new TextDecoder().decode(await readAll(object!.body))).toBe('3456');
      expect(object!.size).toBe(10);
      const beyond = await backendAt(at).get('object', { range: { offset: 30 } });
      expect(await readAll(beyond!.body)).toHaveLength(0);
    });

    it('other ranges than those that were asked for are refused', async () => {
      for (const contentRange of ['bytes 0-3/10', 'bytes 3-2/10', 'bytes 3-6/5', 'lines 3-6/10', undefined]) {
        const at = await server((_request, response) => {
          response.writeHead(206, contentRange === undefined ? {} : { 'content-range': contentRange }).end('3456');
        });
        const error = await errorOf(backendAt(at).get('object', { range: { offset: 3, length: 4 } }));
        expect(error).toMatchObject({ code: 'backend-response' });
      }
      const unasked = await server((_request, response) => void response.writeHead(206).end('3456'));
      expect(await errorOf(backendAt(unasked).get('object'))).toMatchObject({ code: 'backend-response' });
    });

    itByNode('thousands of encodings, one in the other', async () => {
      const at = await server((_request, response) => {
        response.writeHead(200, { 'content-encoding': new Array(1000).fill('gzip').join(',') }).end('x');
      });
      const error = await errorOf(backendAt(at).get('x.narinfo'));
      expect(error).toMatchObject({ code: 'backend-unreachable' });
      expect(error.message).toContain('1000 encodings, one in the other');
    });

    it('a range that has more bytes than it says', async () => {
      const at = await server((_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 3-6/10' }).end('3456789');
      });
      const object = await backendAt(at).get('object', { range: { offset: 3 } });
      expect(await errorOf(readAll(object!.body))).toMatchObject({ code: 'backend-response' });
    });

    it('a wrong Content-Length, too much and too little', async () => {
      const short = await raw((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'));
      expect(await errorOf(bytesAt(backendAt(short), 'object'))).toMatchObject({ code: 'backend-unreachable' });
      const long = await raw((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay, and more'));
      expect(new TextDecoder().decode(await bytesAt(backendAt(long), 'object'))).toBe('ok');
      for (const length of ['-1', '1e3', '99999999999999999999', '5, 6']) {
        const odd = await raw((socket) => void socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nshort`));
        const outcome = await bytesAt(backendAt(odd), 'object').catch((error: BackendError) => error.code);
        expect(outcome).toBe('backend-unreachable');
      }
    });

    it('chunks that end too early', async () => {
      const at = await raw((socket) => {
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n');
      });
      expect(await errorOf(bytesAt(backendAt(at), 'object'))).toMatchObject({ code: 'backend-unreachable' });
    });

    it('an endless body ends when its reader has enough', async () => {
      let open = 0;
      const at = await server((_request, response) => {
        open++;
        response.on('close', () => open--);
        const write = (): void => {
          if (!response.destroyed && response.write(new Uint8Array(100_000))) setImmediate(write);
          else response.once('drain', write);
        };
        write();
      });
      const object = await backendAt(at).get('x.narinfo');
      expect(object?.size).toBeUndefined();
      let received = 0;
      for await (const chunk of object!.body) {
        received += chunk.length;
        if (received > 1_000_000) break;
      }
      await expect.poll(() => open, { timeout: 10_000 }).toBe(0);
    });

    it('an endless head', async () => {
      const at = await raw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const write = (): void => {
          if (socket.writable) socket.write(`X-Padding: ${'x'.repeat(10_000)}\r\n`, () => setImmediate(write));
        };
        write();
      });
      expect(await errorOf(backendAt(at).get('x.narinfo'))).toMatchObject({ code: 'backend-unreachable' });
    });

    it('an error with an endless body', async () => {
      const at = await server((_request, response) => {
        response.writeHead(400);
        const write = (): void => {
          if (!response.destroyed) response.write(new Uint8Array(100_000), () => setImmediate(write));
        };
        write();
      });
      expect(await errorOf(backendAt(at).put('object', bytes))).toMatchObject({ code: 'backend-refused', status: 400 });
    });
  });

  describe('transfers that stand still', () => {
    const stallTimeoutMs = 150;

    it('no answer', async () => {
      let requests = 0;
      const at = await raw(() => {
        requests++;
      });
      const error = await errorOf(backendAt(at, { stallTimeoutMs }).get('x.narinfo'));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
      expect(error.message).toBe(`GET ${at.url}/x.narinfo: fewer than 100 bytes a second moved for 0.15 seconds`);
      expect(requests).toBe(3);
    });

    it('half a head, half a body, and half an error', async () => {
      for (const [sent, outcome] of [
        ['HTTP/1.1 200 OK\r\nContent-', 'backend-unreachable'],
        ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', 'backend-unreachable'],
        ['HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\nhalf', 'backend-refused'],
        ['HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 100\r\n\r\nhalf', 'backend-response'],
      ] as const) {
        const at = await raw((socket) => void socket.write(sent));
        const error = await errorOf(bytesAt(backendAt(at, { stallTimeoutMs: 50 }), 'x.narinfo'));
        expect(error).toMatchObject({ code: outcome });
      }
    });

    it('a server that takes no more of an upload', async () => {
      const at = await raw((socket) => void socket.pause());
      const error = await errorOf(backendAt(at, { stallTimeoutMs }).put('nar/x.nar', zeros(1e12)));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: true });
    });

    it('a loris that is too slow to matter, and one that is not', async () => {
      const dripping = (everyMs: number): Parameters<typeof startRaw>[0] => {
        return (socket) => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n');
          const drip = setInterval(() => socket.write('x'), everyMs);
          socket.on('close', () => clearInterval(drip));
        };
      };
      const at = await raw(dripping(20));
      const stallTimeoutMs = 300;
      const patient = backendAt(at, { stallTimeoutMs, minimumBytesPerSecond: 1 });
      expect(await bytesAt(patient, 'x.narinfo')).toHaveLength(40);
      const hasty = backendAt(at, { stallTimeoutMs, minimumBytesPerSecond: 1000, retry: { attempts: 1 } });
      expect(await errorOf(bytesAt(hasty, 'x.narinfo'))).toMatchObject({
        code: 'backend-unreachable',
        message: `GET ${at.url}/x.narinfo: fewer than 1000 bytes a second moved for 0.3 seconds`,
      });
    });

    it('time that the reader or the source takes does not count', async () => {
      const at = await server((_request, response) => void response.end(Buffer.alloc(1_000_000)));
      const backend = backendAt(at, { stallTimeoutMs: 500 });
      let chunks = 0;
      for await (const _chunk of (await backend.get('nar/x.nar'))!.body) {
        if (chunks++ < 2) await new Promise((resolve) => setTimeout(resolve, 750));
      }
      await backend.put('nar/x.nar', {
        size: 2,
        async *open() {
          for (let part = 0; part < 2; part++) {
            await new Promise((resolve) => setTimeout(resolve, 750));
            yield new Uint8Array(1);
          }
        },
      });
      expect(at.requests).toHaveLength(2);
    });
  });
});
