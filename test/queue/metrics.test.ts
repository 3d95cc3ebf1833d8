/** The metrics: their text by Prometheus's own rules, and the server that tells them. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BackendError } from '../../src/backend/index.ts';
import { createQueueMetrics } from '../../src/queue/metrics.ts';
import { type MetricsServer, serveMetrics } from '../../src/queue/metrics-server.ts';
import type { QueueStatus } from '../../src/queue/status.ts';
import { parseStorePathBaseName } from '../../src/store-path.ts';
import { parsePrometheusText } from './prometheus-text.ts';

const path = parseStorePathBaseName('kdxc08h44329i98r0iqz0z19xxffc5by-words-1.0');
const destination = 's3://bucket?region=eu-west-1&profile="a\\b"';
const status: QueueStatus = {
  waiting: 3,
  active: 1,
  parked: 2,
  damaged: 0,
  oldestSeconds: undefined,
  paused: false,
  worker: { running: true, pid: 1 },
  destinations: [{ uri: destination, state: 'throttled', waiting: 4, parked: 2 }],
};

describe('the text', () => {
  test('has everything from the start', async () => {
    const metrics = await createQueueMetrics([destination]);
    const samples = parsePrometheusText(await metrics.format(async () => status));
    const value = (name: string, labels: Record<string, string> = {}) => samples.value(name, labels);
    expect(value('narkit_queue_waiting_paths')).toBe(3);
    expect(value('narkit_queue_active_paths')).toBe(1);
    expect(value('narkit_queue_parked_paths')).toBe(2);
    expect(value('narkit_queue_damaged_records')).toBe(0);
    expect(value('narkit_queue_oldest_seconds')).toBe(0);
    expect(value('narkit_queue_paused')).toBe(0);
    expect(value('narkit_destination_state', { destination, state: 'throttled' })).toBe(1);
    for (const state of ['ready', 'paused', 'unreachable'])
      expect(value('narkit_destination_state', { destination, state })).toBe(0);
    expect(value('narkit_destination_waiting_paths', { destination })).toBe(4);
    expect(value('narkit_destination_parked_paths', { destination })).toBe(2);
    expect(value('narkit_uploads_total', { destination, result: 'uploaded' })).toBe(0);
    expect(value('narkit_upload_nar_bytes_total', { destination })).toBe(0);
    expect(value('narkit_upload_duration_seconds_count', { destination })).toBe(0);
    expect(value('narkit_gone_paths_total')).toBe(0);
    expect(value('narkit_destination_last_success_timestamp_seconds', { destination })).toBeUndefined();
  });

  test('counts what happens', async () => {
    const metrics = await createQueueMetrics([destination]);
    const error = new BackendError('backend-denied', 'no', { uri: destination });
    metrics.onEvent({ type: 'uploaded', path, destination, narSize: 1000, durationMs: 200 });
    metrics.onEvent({ type: 'uploaded', path, destination, narSize: 24, durationMs: 4000 });
    metrics.onEvent({ type: 'present', path, destination, narSize: 5000, durationMs: 1 });
    metrics.onEvent({ type: 'retry', path, destination, attempts: 1, delayMs: 10, error });
    metrics.onEvent({ type: 'parked', path, destination, error: new Error('other') });
    metrics.onEvent({ type: 'destination', destination, state: 'paused', error });
    metrics.onEvent({ type: 'gone', path });
    metrics.onEvent({ type: 'idle' });
    const samples = parsePrometheusText(await metrics.format(async () => ({ ...status, oldestSeconds: 7 })));
    const value = (name: string, labels: Record<string, string> = {}) => samples.value(name, labels);
    expect(value('narkit_queue_oldest_seconds')).toBe(7);
    expect(value('narkit_uploads_total', { destination, result: 'uploaded' })).toBe(2);
    expect(value('narkit_uploads_total', { destination, result: 'present' })).toBe(1);
    expect(value('narkit_upload_nar_bytes_total', { destination })).toBe(1024);
    expect(value('narkit_upload_duration_seconds_count', { destination })).toBe(2);
    expect(value('narkit_upload_duration_seconds_sum', { destination })).toBeCloseTo(4.2);
    expect(value('narkit_upload_duration_seconds_bucket', { destination, le: '0.25' })).toBe(1);
    expect(value('narkit_retries_total', { destination, code: 'backend-denied' })).toBe(1);
    expect(value('narkit_failures_total', { destination, code: 'backend-denied' })).toBe(2);
    expect(value('narkit_failures_total', { destination, code: 'unknown' })).toBe(1);
    expect(value('narkit_gone_paths_total')).toBe(1);
    const last = value('narkit_destination_last_success_timestamp_seconds', { destination });
    expect(Math.abs(last! - Date.now() / 1000)).toBeLessThan(60);
  });
});

describe('the server', () => {
  let directory: string;
  let server: MetricsServer | undefined;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-metrics-'));
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  afterAll(() => rm(directory, { recursive: true }));

  const source = { contentType: 'text/plain; version=0.0.4; charset=utf-8', format: async () => 'up 1\n' };

  test('answers GET and HEAD of /metrics, and nothing else', async () => {
    server = await serveMetrics('127.0.0.1:0', source);
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const get = await fetch(`${server.address}/metrics?name=x`);
    expect([get.status, get.headers.get('content-type'), await get.text()]).toEqual([
      200,
      source.contentType,
      'up 1\n',
    ]);
    const head = await fetch(`${server.address}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(server.address)).status).toBe(404);
    expect((await fetch(`${server.address}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test('says why it cannot tell', async () => {
    const failing = { ...source, format: () => Promise.reject(new Error('the spool is gone')) };
    server = await serveMetrics(':0', failing);
    const answer = await fetch(`${server.address}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, 'the spool is gone\n']);
  });

  test('listens at a socket, also where a dead one lies, and takes it away', async () => {
    const socketPath = join(directory, 'socket');
    await leaveDeadSocket(socketPath);
    server = await serveMetrics(`unix:${socketPath}`, source);
    expect(server.address).toBe(`unix:${socketPath}`);
    const body = await new Promise<string>((resolve, reject) => {
      const sent = request({ socketPath, path: '/metrics' }, (response) => resolve(text(response)));
      sent.once('error', reject).end();
    });
    expect(body).toBe('up 1\n');
    await expect(serveMetrics(`unix:${socketPath}`, source)).rejects.toMatchObject({ code: 'metrics-address' });
    await server.close();
    expect(existsSync(socketPath)).toBe(false);
  });

  test('leaves a file alone that is no socket', async () => {
    const file = join(directory, 'file');
    await writeFile(file, 'mine');
    await expect(serveMetrics(`unix:${file}`, source)).rejects.toMatchObject({ code: 'metrics-address' });
    expect(existsSync(file)).toBe(true);
  });

  test.each(['', 'localhost', 'localhost:', '127.0.0.1:70000', 'unix:relative', 'http://127.0.0.1:0', 'a b:1'])(
    'refuses the address %j',
    async (address) => {
      await expect(serveMetrics(address, source)).rejects.toMatchObject({ code: 'metrics-address' });
    },
  );

  test('says which port is taken', async () => {
    server = await serveMetrics('127.0.0.1:0', source);
    const address = server.address.replace('http://', '');
    await expect(serveMetrics(address, source)).rejects.toThrow(`cannot serve metrics at '${address}': `);
  });
});

/** What a process leaves that was killed: a name that nobody listens at. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  const child = spawn(process.execPath, ['-e', script, path]);
  await new Promise((resolve) => child.once('close', resolve));
  expect(existsSync(path)).toBe(true);
}
