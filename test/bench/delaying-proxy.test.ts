/** The proxy hands on every byte in order, and no byte before its time. How late a byte may be is not asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../bench/delaying-proxy.mjs', import.meta.url));
const running: { child?: ChildProcess; server?: Server } = {};
afterEach(async () => {
  running.child?.stdin?.end();
  if (running.child?.exitCode === null) await once(running.child, 'exit');
  running.server?.close();
});

async function start(roundTripMs: number, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = spawn(process.execPath, [program, String(port), String(roundTripMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  Object.assign(running, { child, server });
  const [line] = await once(child.stdout!, 'data');
  return Number(String(line));
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it.each([0, 8])('hands on all bytes both ways, and then the end, %i ms away', async (roundTripMs) => {
  const sent = randomBytes(20_000_000);
  const answer = randomBytes(3_000_000);
  let arrived: Buffer | undefined;
  const port = await start(roundTripMs, async (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    arrived = Buffer.concat(chunks);
    socket.end(answer);
  });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(sent);
  expect(sha256(await buffer(socket))).toBe(sha256(answer));
  expect(sha256(arrived!)).toBe(sha256(sent));
});

it('opens a connection, and answers, not before a round trip each', async () => {
  const port = await start(60, (socket) => socket.pipe(socket));
  const socket = connect(port, '127.0.0.1');
  const startedMs = performance.now();
  const times: number[] = [];
  for (let index = 0; index < 3; index++) {
    socket.write('x');
    await once(socket, 'data');
    times.push(performance.now() - startedMs);
  }
  socket.destroy();
  // One for the connection, and one for each question.
  expect(times[0]).toBeGreaterThanOrEqual(119);
  expect(times[1]).toBeGreaterThanOrEqual(179);
  expect(times[2]).toBeGreaterThanOrEqual(239);
});

it('closes both sides when one breaks off', async () => {
  let serverSide: Socket | undefined;
  const port = await start(2, (socket) => {
    serverSide = socket.on('error', () => {});
    socket.write('hello');
  });
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'data');
  const closed = new Promise((resolve) => serverSide!.once('close', resolve));
  socket.resetAndDestroy();
  await closed;
});

it('says how it is used', async () => {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = await buffer(child.stderr);
  expect(String(said)).toContain('usage: delaying-proxy.mjs PORT ROUND_TRIP_MS');
});
