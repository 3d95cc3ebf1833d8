import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { BackendError } from '../../../src/backend/backend.ts';
import { sampleBytes, sampleContent } from '../../../src/backend/conformance/sample.ts';
import { createHttpBackend } from '../../../src/backend/http/http-backend.ts';
import { type Nginx, startNginx } from '../../peers/nginx.ts';
import { describePeer } from '../../peers/peers.ts';
import { readAll } from '../read-all.ts';

describePeer('nginx', 'a real nginx', () => {
  let nginx: Nginx;
  afterEach(() => nginx?.stop());

  it('sees few connections for many requests', async () => {
    nginx = await startNginx();
    const backend = createHttpBackend(nginx.url);
    await Promise.all(Array.from({ length: 300 }, (_, number) => backend.put(`nar/${number}`, sampleContent(5000))));
    await Promise.all(Array.from({ length: 300 }, (_, number) => backend.head(`${number}.narinfo`)));
    for (let number = 0; number < 50; number++) {
      expect(await backend.head(`nar/${number}`)).toEqual({ size: 5000 });
      await readAll((await backend.get(`nar/${number}`))!.body);
      expect(
        await readAll((await backend.get(`nar/${number}`, { range: { offset: 10, length: 20 } }))!.body),
      ).toHaveLength(20);
      await backend.delete(`nar/${number}`);
      expect(await backend.get(`nar/${number}`)).toBeUndefined();
    }
    const requests = await nginx.requests();
    expect(requests).toHaveLength(850);
    expect(new Set(requests.map((line) => line.split(' ')[0])).size).toBeLessThanOrEqual(100);
  });

  it('stores what is put under the names that Nix looks for', async () => {
    nginx = await startNginx();
    await createHttpBackend(nginx.url).put('log/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-gtk+-3?=x.drv', sampleBytes(0, 10));
    expect(await readdir(join(nginx.root, 'log'))).toEqual(['g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-gtk+-3?=x.drv']);
  });

  it('that refuses what is too large, or takes nothing at all', async () => {
    nginx = await startNginx({
      settings: 'location / { client_max_body_size 1m; } location /read/ { dav_methods off; }',
    });
    const backend = createHttpBackend(nginx.url, { retry: { attempts: 2, delayMs: 1 } });
    const tooLarge = await backend.put('nar/x.nar', sampleContent(20_000_000)).catch((error: BackendError) => error);
    expect(tooLarge).toMatchObject({ code: 'backend-refused', status: 413 });
    const readOnly = createHttpBackend(`${nginx.url}/read`);
    for (const call of [() => readOnly.put('x', sampleBytes(0, 10)), () => readOnly.put('x', sampleContent(1_000_000))])
      await expect(call()).rejects.toMatchObject({ code: 'backend-read-only', status: 405 });
    await expect(readOnly.delete('x')).rejects.toMatchObject({ code: 'backend-read-only' });
    expect(await readdir(nginx.root)).toEqual([]);
  });

  it('that wants a login', async () => {
    nginx = await startNginx({ settings: 'auth_basic cache; auth_basic_user_file users;' });
    await writeFile(join(nginx.root, '../users'), 'alice:{PLAIN}s3cret\n');
    await chmod(join(nginx.root, '../users'), 0o644);
    await expect(createHttpBackend(nginx.url).get('x')).rejects.toMatchObject({ code: 'backend-denied', status: 401 });
    const wrong = createHttpBackend(nginx.url.replace('://', '://alice:wrong@'));
    await expect(wrong.put('x', sampleContent(3_000_000))).rejects.toMatchObject({
      code: 'backend-denied',
      status: 401,
    });
    const right = createHttpBackend(nginx.url.replace('://', '://alice:s3cret@'));
    await right.put('x', sampleContent(3_000_000));
    expect(await right.head('x')).toEqual({ size: 3_000_000 });
  });

  it('that compresses on the way', async () => {
    nginx = await startNginx({ settings: 'gzip on; gzip_types *; gzip_min_length 10;' });
    const backend = createHttpBackend(nginx.url);
    const text = new TextEncoder().encode('StorePath: x\n'.repeat(100));
    await backend.put('x.narinfo', text);
    const object = await backend.get('x.narinfo');
    expect(Buffer.from(await readAll(object!.body))).toEqual(Buffer.from(text));
    expect(await backend.head('x.narinfo')).toEqual({ size: text.length });
    const part = await backend.get('x.narinfo', { range: { offset: 1, length: 4 } });
    expect(new TextDecoder().decode(await readAll(part!.body))).toBe('tore');
  });

  it('that serves its folder at another place', async () => {
    nginx = await startNginx({ settings: 'location /old/ { rewrite ^/old/(.*) /new/$1 redirect; }' });
    await mkdir(join(nginx.root, 'new'));
    const backend = createHttpBackend(`${nginx.url}/old`);
    await backend.put('nar/x.nar', sampleContent(1_000_000));
    expect(await readFile(join(nginx.root, 'new/nar/x.nar'))).toHaveLength(1_000_000);
    expect(await readAll((await backend.get('nar/x.nar'))!.body)).toHaveLength(1_000_000);
  });

  it('whose connections break again and again: the download arrives in whole', async () => {
    nginx = await startNginx();
    const size = 20_000_000;
    await createHttpBackend(nginx.url).put('nar/x.nar', sampleContent(size));
    const breaking = await startBreakingProxy(nginx.port, 3_000_000);
    try {
      const backend = createHttpBackend(breaking.url, { retry: { attempts: 3, delayMs: 1 } });
      const object = await backend.get('nar/x.nar');
      expect(object?.size).toBe(size);
      let received = 0;
      for await (const chunk of object!.body) {
        expect(Buffer.compare(chunk, sampleBytes(received, received + chunk.length))).toBe(0);
        received += chunk.length;
      }
      expect(received).toBe(size);
      const ranges = (await nginx.requests())
        .filter((line) => line.includes(' GET '))
        .map((line) => line.split(' ')[4]);
      expect(ranges.length).toBeGreaterThan(5);
      expect(ranges.slice(1).every((range) => /^bytes=\d+-19999999$/.test(range!))).toBe(true);
    } finally {
      await breaking.close();
    }
  });
});

/** Breaks each connection after so many bytes of answers. */
async function startBreakingProxy(port: number, breakAfter: number): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      passed += chunk.length;
      if (!client.write(chunk)) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
      if (passed > breakAfter) client.end(() => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
