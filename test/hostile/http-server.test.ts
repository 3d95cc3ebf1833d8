/** A server that means harm: whatever it does, the copy ends, says where, and leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { codecs } from '../../src/compression/codecs-node.ts';
import type { CompressionName } from '../../src/compression/index.ts';
import { formatNarInfo, type NarInfo, parseNarInfo } from '../../src/narinfo/index.ts';
import { signPathInfo } from '../../src/signing/index.ts';
import {
  type Answer,
  type LocalServer,
  type SeenRequest,
  startRaw,
  startServer,
} from '../backend/http/local-server.ts';
import { collect } from '../compression/streams.ts';
import { copyFrom, type HonestCache, makeCache, refusal } from './cache.ts';

/** Changes an answer, or leaves it to the honest server by returning `false`. */
type Change = (request: SeenRequest, response: ServerResponse, key: string) => boolean;

const servers: LocalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(cache: HonestCache, change: Change = () => false): Promise<LocalServer> {
  const answer: Answer = (request, response) => {
    const key = request.url.slice(1);
    if (change(request, response, key)) return;
    const bytes = cache.files.get(key);
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  };
  const server = await startServer(answer);
  servers.push(server);
  return server;
}

const caches = new Map<CompressionName, HonestCache>();
let none: HonestCache;
beforeAll(async () => {
  const text = `${randomBytes(8000).toString('hex')}${'again '.repeat(4000)}`;
  for (const compression of ['none', 'gzip', 'xz', 'zstd', 'br'] as const)
    caches.set(compression, await makeCache(compression, text));
  none = caches.get('none')!;
});

/** The answer to the narinfo, to the NAR, or to both. */
const forNarInfo = (answer: (response: ServerResponse) => void): Change => {
  return (_request, response, key) => {
    if (key.endsWith('.narinfo')) answer(response);
    return key.endsWith('.narinfo');
  };
};
const forNar = (answer: (response: ServerResponse, request: SeenRequest) => void): Change => {
  return (request, response, key) => {
    if (key.startsWith('nar/')) answer(response, request);
    return key.startsWith('nar/');
  };
};

/** The narinfo with other fields, signed again where `sign` says so. */
function narInfoOf(cache: HonestCache, changes: Partial<NarInfo>, sign = false): Buffer {
  const info = { ...parseNarInfo(cache.narInfo), ...changes };
  const signatures = sign ? [signPathInfo(info, cache.secretKey)] : info.signatures;
  return Buffer.from(formatNarInfo({ ...info, signatures }));
}

function writeEndlessly(response: ServerResponse | Socket, chunk: Uint8Array | string): void {
  const write = (): void => {
    if (response.destroyed) return;
    if (response.write(chunk)) setImmediate(write);
    else response.once('drain', write);
  };
  response.on('error', () => undefined);
  write();
}

test.each(['none', 'gzip', 'xz', 'zstd', 'br'] as const)('an honest server, %s: all is copied', async (compression) => {
  const cache = caches.get(compression)!;
  expect(await copyFrom((await serve(cache)).url, cache)).toEqual([]);
});

const narInfoBomb = gzipSync(Buffer.alloc(200_000_000));

describe('the narinfo', () => {
  test.each<[string, (response: ServerResponse) => void, string | RegExp]>([
    ['without an end', (response) => writeEndlessly(response, 'Sig: x\n'.repeat(1000)), /object-too-large|narinfo/],
    [
      'that unpacks without an end',
      (response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(narInfoBomb);
      },
      'object-too-large',
    ],
    [
      'in an archive without an end that holds nothing',
      (response) => {
        response.setHeader('content-encoding', 'zstd');
        writeEndlessly(
          response,
          Buffer.concat(new Array(1000).fill(Buffer.from(`502a4d18e8030000${'aa'.repeat(1000)}`, 'hex'))),
        );
      },
      'object-too-large',
    ],
    [
      'in an encoding that it has not',
      (response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end('StorePath: x\n');
      },
      'backend-unreachable',
    ],
    [
      'in an encoding that nobody has',
      (response) => {
        response.setHeader('content-encoding', 'x-none');
        response.end('StorePath: x\n');
      },
      'compression-unknown',
    ],
    [
      'that is an HTML page',
      (response) => {
        response.setHeader('content-type', 'text/html');
        response.end(
          '<!doctype html>\n<html><body>Please log in: <a href="https://example.org">here</a></body></html>\n',
        );
      },
      'narinfo',
    ],
    ['that is empty', (response) => void response.end(), 'narinfo'],
    ['that hangs', () => undefined, 'backend-unreachable'],
    [
      'that drips',
      (response) => {
        const drip = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(drip));
      },
      'backend-unreachable',
    ],
    [
      'behind a redirect to itself',
      (response) => void response.writeHead(302, { location: response.req.url }).end(),
      'backend-response',
    ],
    [
      'behind a redirect to a file',
      (response) => void response.writeHead(301, { location: 'file:///etc/passwd' }).end(),
      'backend-response',
    ],
    [
      'behind a redirect to data',
      (response) => void response.writeHead(307, { location: 'data:text/plain,StorePath:x' }).end(),
      'backend-response',
    ],
    [
      'behind 503 with a Retry-After of a year',
      (response) => void response.writeHead(503, { 'retry-after': '31536000' }).end(),
      'backend-refused',
    ],
    ['behind 429, always', (response) => void response.writeHead(429, { 'retry-after': '0' }).end(), 'backend-refused'],
    [
      'behind a date to retry in the next century',
      (response) => void response.writeHead(429, { 'retry-after': 'Fri, 01 Jan 2100 00:00:00 GMT' }).end(),
      'backend-refused',
    ],
  ])('%s', async (_title, answer, code) => {
    const { url } = await serve(none, forNarInfo(answer));
    const error = await refusal(url, none);
    expect(error.code).toMatch(code instanceof RegExp ? code : new RegExp(`^${code}$`));
  });

  test('of another path, of another name, unsigned, forged, and changed', async () => {
    const info = parseNarInfo(none.narInfo);
    const other = generatePath(none, 'a');
    for (const [bytes, code] of [
      [narInfoOf(none, { path: other }, true), 'narinfo-mismatch'],
      [narInfoOf(none, { path: `${none.path}-2` as never }, true), 'narinfo-mismatch'],
      [narInfoOf(none, { signatures: [] }), 'path-untrusted'],
      [narInfoOf(none, { signatures: [`honest-1:${Buffer.alloc(64).toString('base64')}`] }), 'path-untrusted'],
      [narInfoOf(none, { narSize: info.narSize + 1 }), 'path-untrusted'],
      [narInfoOf(none, { references: [none.path] }), 'path-untrusted'],
    ] as const) {
      const { url } = await serve(
        none,
        forNarInfo((response) => void response.end(bytes)),
      );
      expect((await refusal(url, none)).code).toBe(code);
    }
  });

  test('with a URL that leads elsewhere', async () => {
    for (const url of ['file:///etc/passwd', 'data:application/x-nix-nar,x', 'ftp://127.0.0.1/nar', 'javascript:1']) {
      const server = await serve(
        none,
        forNarInfo((response) => void response.end(narInfoOf(none, { url }))),
      );
      expect((await refusal(server.url, none)).message).toContain(url);
    }
    // Above the cache and at another host there may be a NAR, which is checked as any other; no login goes there.
    const elsewhere = await serve(none, (_request, response) => {
      response.end('no NAR');
      return true;
    });
    for (const url of ['../../../../etc/passwd', `${elsewhere.url}/nar`, elsewhere.url.replace('http:', '')]) {
      const server = await serve(none, (request, response, key) => {
        if (key.endsWith('.narinfo')) response.end(narInfoOf(none, { url }));
        else if (key === 'nix-cache-info') response.writeHead(404).end();
        else response.end(`no NAR for ${request.url}`);
        return true;
      });
      const withLogin = server.url.replace('http://', 'http://user:secret@');
      const error = await refusal(withLogin, none);
      expect(error.message).not.toContain('secret');
    }
    expect(elsewhere.requests.length).toBeGreaterThan(0);
    for (const { headers } of elsewhere.requests) expect(headers).not.toHaveProperty('authorization');
  });
});

function generatePath({ path }: HonestCache, letter: string): HonestCache['path'] {
  return `${letter.repeat(32)}${path.slice(32)}` as HonestCache['path'];
}

describe('the head', () => {
  test.each<[string, (socket: Socket) => void]>([
    [
      'drips',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nX-Padding: ');
        const drip = setInterval(() => socket.write('x'), 20);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    [
      'has headers without an end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        writeEndlessly(socket, `X-Padding: ${'x'.repeat(1000)}\r\n`);
      },
    ],
    [
      'comes never, and "continue" without an end',
      (socket) => writeEndlessly(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
    ],
    [
      'says two lengths',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort'),
    ],
    [
      'says a length and chunks',
      (socket) =>
        void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    ['is noise', (socket) => void socket.end(randomBytes(5000))],
    [
      'is before chunks that are none',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n'),
    ],
    [
      'is before a chunk of 2^64 bytes',
      (socket) =>
        void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\nhello\r\n'),
    ],
    [
      'is before trailers without an end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
        writeEndlessly(socket, `X-Padding: ${'x'.repeat(1000)}\r\n`);
      },
    ],
    [
      'is before a reset',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf', () =>
          setTimeout(() => socket.resetAndDestroy(), 10),
        );
      },
    ],
  ])('%s', async (_title, answer) => {
    const server = await startRaw(answer);
    servers.push(server);
    const error = await refusal(server.url, none);
    expect(error.code).toMatch(/^backend-(unreachable|response)$/);
  });
});

describe.each(['none', 'xz', 'zstd', 'gzip', 'br'] as const)('a NAR in %s', (compression) => {
  let cache: HonestCache;
  beforeAll(() => {
    cache = caches.get(compression)!;
  });

  test('cut off at every 1,000th byte', async () => {
    for (let size = 0; size < cache.nar.length; size += 1000) {
      const { url } = await serve(
        cache,
        forNar((response) => void response.end(cache.nar.subarray(0, size))),
      );
      const error = await refusal(url, cache);
      expect(error.message, `${size} bytes`).toMatch(/NAR/i);
    }
  });

  test('with more bytes than it has, with an endless body, and of another path', async () => {
    const other = await makeCache(compression, 'another text');
    for (const [answer, code] of [
      [
        (response: ServerResponse) => void response.end(Buffer.concat([cache.nar, Buffer.alloc(1)])),
        /^(compression-|nar-)/,
      ],
      [(response: ServerResponse) => writeEndlessly(response, cache.nar), /^(compression-|nar-)/],
      [(response: ServerResponse) => void response.end(other.nar), /^nar-/],
      [(response: ServerResponse) => void response.end('<html>Please log in</html>'), /^(compression-|nar-)/],
      [(response: ServerResponse) => void response.writeHead(204).end(), /^(compression-|nar-)/],
      [(response: ServerResponse) => void response.writeHead(404).end(), /^nar-absent$/],
    ] as const) {
      const { url } = await serve(cache, forNar(answer));
      expect((await refusal(url, cache)).code).toMatch(code);
    }
  });

  test('whose connection breaks, resets and hangs, always at the same place', async () => {
    const half = cache.nar.length >> 1;
    for (const ending of [
      (socket: Socket) => void socket.destroy(),
      (socket: Socket) => void socket.resetAndDestroy(),
      () => undefined,
    ]) {
      const change = forNar((response) => {
        response.writeHead(200, { 'content-length': cache.nar.length, etag: '"same"' });
        response.write(cache.nar.subarray(0, half), () => setTimeout(() => ending(response.socket!), 20));
      });
      const { url } = await serve(cache, change);
      expect((await refusal(url, cache)).code).toBe('backend-unreachable');
    }
  });

  test('whose connection breaks once, and goes on by a range, by the whole, or with another file', async () => {
    const half = cache.nar.length >> 1;
    const other = Buffer.from(cache.nar);
    other[cache.nar.length - 10]! ^= 1;
    for (const [rest, etag, isRefused] of [
      ['range', '"same"', false],
      ['whole', '"same"', false],
      ['range', '"other"', true],
      ['whole', '"other"', true],
    ] as const) {
      let requests = 0;
      const { url } = await serve(
        cache,
        forNar((response, { headers }) => {
          if (requests++ % 2 === 0) {
            response.writeHead(200, { 'content-length': cache.nar.length, etag: '"same"' });
            response.write(cache.nar.subarray(0, half), () => setTimeout(() => response.destroy(), 20));
          } else if (rest === 'whole') {
            response.writeHead(200, { 'content-length': cache.nar.length, etag });
            response.end(etag === '"same"' ? cache.nar : other);
          } else {
            expect(headers).toMatchObject({ range: `bytes=${half}-${cache.nar.length - 1}`, 'if-range': '"same"' });
            const contentRange = `bytes ${half}-${cache.nar.length - 1}/${cache.nar.length}`;
            response.writeHead(206, { 'content-range': contentRange, etag });
            response.end((etag === '"same"' ? cache.nar : other).subarray(half));
          }
        }),
      );
      if (isRefused) expect((await refusal(url, cache)).code).toBe('backend-response');
      else expect(await copyFrom(url, cache)).toEqual([]);
    }
  });

  test('that unpacks to more than it should', async () => {
    async function* zeros(): AsyncGenerator<Uint8Array> {
      for (let part = 0; part < 64; part++) yield new Uint8Array(1_048_576);
    }
    const level = compression === 'br' ? 5 : compression === 'xz' ? 0 : undefined;
    const bomb = Buffer.from(await collect(codecs[compression].compress(zeros(), { level })));
    const { url } = await serve(
      cache,
      forNar((response) => void response.end(bomb)),
    );
    expect((await refusal(url, cache)).code).toMatch(/^compression-limit$|^nar-/);
  });

  test('in an encoding that it has not', async () => {
    for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'x-unknown']) {
      const { url } = await serve(
        cache,
        forNar((response) => {
          response.setHeader('content-encoding', encoding);
          response.end(Buffer.concat([cache.nar.subarray(1), cache.nar]));
        }),
      );
      await refusal(url, cache);
    }
  });
});

describe('a NAR that holds nothing, and goes on without an end', () => {
  const parts: Partial<Record<CompressionName, string>> = {
    zstd: '502a4d1804000000aaaaaaaa',
    gzip: '1f8b080000000000000303000000000000000000',
    xz: 'fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a',
  };
  test.each(Object.entries(parts))('%s', async (compression, part) => {
    const cache = caches.get(compression as CompressionName)!;
    const chunk = Buffer.concat(new Array(1000).fill(Buffer.from(part, 'hex')));
    const { url } = await serve(
      cache,
      forNar((response) => writeEndlessly(response, chunk)),
    );
    expect((await refusal(url, cache)).code).toMatch(/^nar-file-mismatch$|^compression-/);
  });
});

test('a server that speaks no TLS where it should', async () => {
  const { url } = await serve(none);
  const silent = url.replace('http:', 'https:');
  expect((await refusal(silent, none)).code).toBe('backend-unreachable');
});
