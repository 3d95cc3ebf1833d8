import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BackendError, Content } from '../../../src/backend/backend.ts';
import {
  createHttpBackend as createBackend,
  type HttpBackend,
  type HttpBackendOptions,
} from '../../../src/backend/http/http-backend.ts';
import { parseNetrc } from '../../../src/backend/http/netrc.ts';
import { readAll } from '../read-all.ts';
import { clients } from './clients.ts';
import { type Answer, type LocalServer, startServer } from './local-server.ts';

const retry = { attempts: 1 };
const servers: LocalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function server(answer: Answer): Promise<LocalServer> {
  const started = await startServer(answer);
  servers.push(started);
  return started;
}

/** Sends on to the same path elsewhere. */
const to = (target: () => string, status: number): Answer => {
  return (request, response) =>
    void response.writeHead(status, { location: target() + request.url }).end('see elsewhere');
};

const withLogin = (url: string): string => url.replace('://', '://alice:s3cr%3At@');
const basic = `Basic ${Buffer.from('alice:s3cr:t').toString('base64')}`;

async function errorOf(promise: Promise<unknown>): Promise<BackendError> {
  return promise.then(
    () => expect.fail('it went through'),
    (error: BackendError) => error,
  );
}

describe.each(clients)('$client', ({ fetch }) => {
  /** What `fetch` has no setting for, or leaves to its runtime. */
  const itByNode = fetch === undefined ? it : () => undefined;

  const createHttpBackend = (url: string, options: HttpBackendOptions = {}): HttpBackend =>
    createBackend(url, { fetch, ...options });

  describe('redirects', () => {
    it('are followed with the method and the body, whatever their status', async () => {
      for (const status of [301, 302, 307, 308]) {
        const target = await server((_request, response) => void response.end('there'));
        const at = await server(to(() => target.url, status));
        const backend = createHttpBackend(at.url, { retry });
        expect(new TextDecoder().decode(await readAll((await backend.get('object'))!.body))).toBe('there');
        expect(await backend.head('object')).toBeDefined();
        const content: Content = {
          size: 100_000,
          async *open() {
            for (let part = 0; part < 10; part++) yield new Uint8Array(10_000).fill(part);
          },
        };
        await backend.put('object', content, { contentType: 'application/x-nix-nar' });
        await backend.delete('object');
        expect(target.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD', 'PUT', 'DELETE']);
        expect(target.requests[2]!.body.equals(at.requests[2]!.body)).toBe(true);
        expect(target.requests[2]!.headers).toMatchObject({
          'content-length': '100000',
          'content-type': 'application/x-nix-nar',
        });
      }
    });

    it('303 turns no upload into a download', async () => {
      const target = await server((_request, response) => void response.end('there'));
      const at = await server(to(() => target.url, 303));
      const backend = createHttpBackend(at.url, { retry });
      expect(await backend.head('object')).toBeDefined();
      for (const call of [() => backend.put('object', new Uint8Array(1)), () => backend.delete('object')])
        expect(await errorOf(call())).toMatchObject({ code: 'backend-response' });
      expect(target.requests).toHaveLength(1);
    });

    it('end: in a circle, and in a line without end', async () => {
      const circle = await server((request, response) => void response.writeHead(302, { location: request.url }).end());
      const error = await errorOf(createHttpBackend(circle.url).get('object'));
      expect(error).toMatchObject({ code: 'backend-response', retryable: false });
      expect(error.message).toBe(`GET ${circle.url}/object: there are more than 10 redirects`);
      expect(circle.requests).toHaveLength(11);
      const line = await server(
        (_request, response, number) => void response.writeHead(302, { location: `/further/${number}` }).end(),
      );
      await errorOf(createHttpBackend(line.url).put('object', new Uint8Array(10)));
      expect(line.requests).toHaveLength(11);
    });

    it('that lead nowhere are refused', async () => {
      for (const location of [undefined, 'ftp://127.0.0.1/object', 'file:///etc/passwd', 'http://', 'data:,hello']) {
        const at = await server((_request, response) => {
          response.writeHead(302, location === undefined ? {} : { location }).end();
        });
        expect(await errorOf(createHttpBackend(at.url).get('object'))).toMatchObject({ code: 'backend-response' });
      }
    });

    it('are followed ten times, with ranges', async () => {
      const at = await server((request, response, number) => {
        if (number <= 10) response.writeHead(302, { location: `/hop/${number}` }).end();
        else
          response
            .writeHead(206, { 'content-range': 'bytes 1-2/3' })
            .end(request.headers.range === 'bytes=1-2' ? 'ok' : '??');
      });
      const object = await createHttpBackend(at.url, { retry }).get('object', { range: { offset: 1, length: 2 } });
      expect(new TextDecoder().decode(await readAll(object!.body))).toBe('ok');
    });
  });

  describe('credentials', () => {
    const authorizations = (at: LocalServer): unknown[] => at.requests.map(({ headers }) => headers.authorization);

    it('of the URL go to its server, and into no message', async () => {
      const at = await server((_request, response) => void response.writeHead(500).end());
      const backend = createHttpBackend(`${withLogin(at.url)}/cache/`, { retry });
      expect(backend.uri).toBe(`${at.url}/cache`);
      const error = await errorOf(backend.put('object', new Uint8Array(1)));
      expect(authorizations(at)).toEqual([basic]);
      expect(`${error.message} ${error.uri} ${error.stack} ${JSON.stringify(error)}`).not.toMatch(/alice|s3cr|Basic/);
    });

    it('stay on their server when it sends elsewhere', async () => {
      const elsewhere = await server((_request, response) => void response.end('there'));
      const at = await server((request, response) => {
        if (request.url === '/object') response.writeHead(307, { location: '/moved' }).end();
        else response.writeHead(307, { location: `${withLogin(elsewhere.url)}/object?signature=secret` }).end();
      });
      for (const backend of [
        createHttpBackend(withLogin(at.url), { retry }),
        createHttpBackend(at.url, { retry, bearerToken: 'token' }),
      ]) {
        await backend.put('object', new Uint8Array(10));
        await backend.get('object');
      }
      expect(authorizations(at)).toEqual([basic, basic, basic, basic, ...Array(4).fill('Bearer token')]);
      expect(authorizations(elsewhere)).toEqual([undefined, undefined, undefined, undefined]);
      expect(elsewhere.requests[0]!.url).toBe('/object?signature=secret');
    });

    it('of another port are for another server, and signatures in a URL stay out of messages', async () => {
      const elsewhere = await server((_request, response) => void response.writeHead(400).end());
      const at = await server((_request, response) => {
        response.writeHead(307, { location: `${elsewhere.url}/object?signature=secret` }).end();
      });
      const error = await errorOf(createHttpBackend(at.url, { retry, bearerToken: 'token' }).head('object'));
      expect(error.message).toContain(`HEAD ${elsewhere.url}/object: the server answers 400`);
      expect(error.message).not.toContain('secret');
      expect(authorizations(elsewhere)).toEqual([undefined]);
    });

    it('of a netrc file go to the hosts that it names', async () => {
      const at = await server((_request, response) => void response.end('there'));
      const netrc = parseNetrc('machine 127.0.0.1 login alice password s3cr:t\nmachine other login x password y');
      await createHttpBackend(at.url, { retry, netrc }).head('object');
      await createHttpBackend(at.url, { retry, netrc, bearerToken: 'token' }).head('object');
      await createHttpBackend(at.url.replace('://', '://bob:b@'), { retry, netrc }).head('object');
      await createHttpBackend(at.url.replace('127.0.0.1', 'localhost'), { retry, netrc }).head('object');
      expect(authorizations(at)).toEqual([
        basic,
        'Bearer token',
        `Basic ${Buffer.from('bob:b').toString('base64')}`,
        undefined,
      ]);
    });

    it('that cannot be sent are refused without being shown', () => {
      for (const bearerToken of ['two words', 'line\n', '', 'é'])
        expect(() => createHttpBackend('http://host', { bearerToken })).toThrow(/^a bearer token has printable ASCII/);
      expect(() => createHttpBackend('http://user:%ff@host')).toThrow(
        /^the user or password in the URL of 'http:\/\/host\/'/,
      );
    });
  });

  describe('TLS', () => {
    let directory: string;
    let tls: { key: Buffer; cert: Buffer };
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'narkit-tls-'));
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=narkit test', '-days', '2'];
      const options = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        ...subject,
      ];
      execFileSync('openssl', [...options, '-keyout', key, '-out', cert], { stdio: 'ignore' });
      tls = { key: readFileSync(key), cert: readFileSync(cert) };
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    it('a certificate that nobody vouches for is an error, once', async () => {
      const at = await startServer((_request, response) => void response.end('there'), tls);
      servers.push(at);
      const error = await errorOf(createHttpBackend(at.url, { retry: { attempts: 3, delayMs: 1 } }).get('object'));
      expect(error).toMatchObject({ code: 'backend-unreachable', retryable: false });
      expect(error.message).toContain('self-signed certificate');
      expect(at.connections()).toBe(1);
    });

    itByNode('a certificate of the client’s is shown to its server, and to no other', async () => {
      const seen: unknown[] = [];
      const answer: Answer = ({ peer }, response) => {
        seen.push(peer);
        if (seen.length === 1) response.writeHead(302, { location: `${elsewhere.url}/object` }).end();
        else response.end('there');
      };
      const asking = { ...tls, requestCert: true, rejectUnauthorized: false };
      const elsewhere = await startServer(answer, asking);
      const at = await startServer(answer, asking);
      servers.push(elsewhere, at);
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      try {
        const certificate = { tlsCertificate: tls.cert.toString(), tlsPrivateKey: tls.key.toString() };
        await createHttpBackend(at.url, { retry, ...certificate }).head('object');
      } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      }
      expect(seen).toEqual(['narkit test', undefined]);
    });

    it('what began encrypted sends no login in the clear', async () => {
      const clear = await server((_request, response) => void response.end('there'));
      const encrypted = await startServer(
        to(() => clear.url, 302),
        tls,
      );
      servers.push(encrypted);
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      try {
        const netrc = parseNetrc('machine 127.0.0.1 login alice password s3cr:t');
        await createHttpBackend(encrypted.url, { retry, netrc }).head('object');
        await createHttpBackend(withLogin(encrypted.url), { retry, netrc }).head('object');
      } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      }
      expect(encrypted.requests.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
      expect(clear.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    });
  });

  describe('URLs', () => {
    it('that are none of HTTP, or that say more than where, are refused', () => {
      for (const url of ['', 'host', 'ftp://host', 'file:///srv', '//host'])
        expect(() => createHttpBackend(url)).toThrow(/begins with http:/);
      for (const url of ['http://host?compression=xz', 'http://host/#there'])
        expect(() => createHttpBackend(url)).toThrow(/no query and no fragment/);
    });

    it('of a narinfo: relative with a query, absolute, and of another scheme', async () => {
      const elsewhere = await server((_request, response) => void response.end('elsewhere'));
      const at = await server((request, response) => void response.end(request.url));
      const backend = createHttpBackend(`${at.url}/cache`, { retry, bearerToken: 'token' });
      const textAt = async (reference: string): Promise<string> =>
        new TextDecoder().decode(await readAll((await backend.getByUrl(reference))!.body));
      expect(await textAt('nar/x.nar?hash=y')).toBe('/cache/nar/x.nar?hash=y');
      expect(await textAt('/other/x.nar')).toBe('/other/x.nar');
      expect(await textAt(`${withLogin(elsewhere.url)}/x.nar`)).toBe('elsewhere');
      expect(elsewhere.requests[0]!.headers.authorization).toBeUndefined();
      for (const reference of ['file:///etc/passwd', 'javascript:0', 'http://'])
        expect(await errorOf(backend.getByUrl(reference))).toMatchObject({ code: 'backend-refused' });
    });
  });
});
