import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpBackend } from '../../../src/backend/http/http-backend.ts';
import { readAll } from '../read-all.ts';
import { clients } from './clients.ts';
import { type Answer, type LocalServer, startServer } from './local-server.ts';

const servers: LocalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const text = 'StorePath: /nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo\n'.repeat(10);

const encoded = (contentEncoding: string, body: Buffer): Answer => {
  return (_request, response) => {
    const headers = { 'content-encoding': contentEncoding, 'content-length': body.length, 'accept-ranges': 'bytes' };
    response.writeHead(200, headers).end(body);
  };
};

describe.each(clients)('$client', ({ fetch }) => {
  async function backendOf(answer: Answer): Promise<ReturnType<typeof createHttpBackend>> {
    const started = await startServer(answer);
    servers.push(started);
    return createHttpBackend(started.url, { retry: { attempts: 2, delayMs: 1 }, fetch });
  }

  it('what the client undoes comes undone, with no size that would be wrong', async () => {
    for (const [contentEncoding, body] of [
      ['gzip', gzipSync(text)],
      ['x-gzip', gzipSync(text)],
      ['deflate', deflateSync(text)],
      ['br', brotliCompressSync(text)],
      ['GZIP', gzipSync(text)],
      ['gzip, br', brotliCompressSync(gzipSync(text))],
    ] as const) {
      const backend = await backendOf(encoded(contentEncoding, body));
      const object = await backend.get('x.narinfo');
      expect(object).toMatchObject({ size: undefined, contentEncoding: undefined });
      expect(new TextDecoder().decode(await readAll(object!.body))).toBe(text);
      expect(await backend.head('x.narinfo')).toEqual({ size: undefined });
    }
  });

  it('what the client does not know comes as it is, and says so', async () => {
    const body = Buffer.from('no real xz');
    const object = await (await backendOf(encoded('xz', body))).get('x.narinfo');
    expect(object).toMatchObject({ size: body.length, contentEncoding: 'xz' });
    expect(Buffer.from(await readAll(object!.body))).toEqual(body);
  });

  it('zstd comes undone or says that it does not, as the runtime has it', async () => {
    // `zstd` of the text, made once by the real program.
    const body = Buffer.from(
      'KLUv/QRYdQEANAJTdG9yZVBhdGg6IC9uaXgvc3RvcmUvZzF3N2h5M3EtZm9vCgIAELyqtAOLEyHga3I=',
      'base64',
    );
    const object = await (await backendOf(encoded('zstd', body))).get('x.narinfo');
    const bytes = Buffer.from(await readAll(object!.body));
    if (object!.contentEncoding === undefined) {
      expect(object!.size).toBeUndefined();
      expect(bytes.toString()).toBe(text);
    } else {
      expect(object).toMatchObject({ size: body.length, contentEncoding: 'zstd' });
      expect(bytes).toEqual(body);
    }
  });

  it('identity is no encoding', async () => {
    const object = await (await backendOf(encoded('identity', Buffer.from(text)))).get('x.narinfo');
    expect(object).toMatchObject({ size: text.length, contentEncoding: undefined });
  });

  it('what is damaged or cut short is an error', async () => {
    const whole = gzipSync(text);
    const damaged = Buffer.from(whole);
    damaged[20]! ^= 0xff;
    for (const body of [damaged, Buffer.from('no gzip at all')]) {
      const object = await (await backendOf(encoded('gzip', body))).get('x.narinfo');
      await expect(readAll(object!.body)).rejects.toMatchObject({ code: 'backend-unreachable' });
    }
  });

  it('what is put encoded says so', async () => {
    const seen: unknown[] = [];
    const backend = await backendOf(({ headers }, response) => {
      seen.push(headers['content-encoding'], headers['content-type']);
      response.end();
    });
    await backend.put('x.narinfo', gzipSync(text), { contentEncoding: 'gzip', contentType: 'text/x-nix-narinfo' });
    expect(seen).toEqual(['gzip', 'text/x-nix-narinfo']);
  });
});
