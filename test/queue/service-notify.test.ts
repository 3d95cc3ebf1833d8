/** sd_notify through a real datagram socket, as systemd's `OpenFile=` hands it over. Node has none of these, so Python receives. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceNotifier } from '../../src/queue/service-notify.ts';
import { parseDatagrams, startService } from './service-manager.ts';

let directory: string;
let made = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-service-notify-'));
});
afterAll(() => rm(directory, { recursive: true }));

const service = `
import { createServiceNotifier } from ${JSON.stringify(new URL('../../dist/queue/service-notify.js', import.meta.url))};
const notifier = createServiceNotifier(process.env, { onWarning: console.error });
notifier.ready();
await new Promise((resolve) => setTimeout(resolve, Number(process.argv[1])));
notifier.status('3 waiting\\nREADY=0');
notifier.stopping();
await notifier.close();
`;

async function runService(names: string, descriptor: number, env: Record<string, string> = {}, waitMs = 0) {
  const socket = join(directory, `socket-${++made}`);
  const command = [process.execPath, '--input-type=module', '-e', service, String(waitMs)];
  const child = startService(command, socket, env, { descriptor, names });
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  expect(stderr).toBe('');
  return parseDatagrams(stdout);
}

test('datagrams come from the process itself, one line a variable', async () => {
  const messages = await runService('notify', 3);
  expect(messages.map(([isMain]) => isMain)).not.toContain(false);
  expect(messages.map(([, message]) => message).join('\n')).toBe('READY=1\nSTATUS=3 waiting READY=0\nSTOPPING=1');
});

test('the socket is found by its name among others', async () => {
  expect((await runService('metrics:notify:other', 4)).length).toBeGreaterThan(0);
});

test('the watchdog is fed twice in its time', async () => {
  // Often enough on a machine that has no time for half of it.
  const messages = await runService('notify', 3, { WATCHDOG_USEC: '200000' }, 3000);
  const fed = messages.filter(([, message]) => message.includes('WATCHDOG=1')).length;
  expect(fed).toBeGreaterThan(15);
  expect(fed).toBeLessThan(35);
});

test("another process's watchdog is not fed", async () => {
  const messages = await runService('notify', 3, { WATCHDOG_USEC: '10000', WATCHDOG_PID: '1' }, 100);
  expect(messages.map(([, message]) => message).join()).not.toContain('WATCHDOG');
});

const pid = String(process.pid);
test.each([
  ['nothing listens', {}, 0],
  ['systemd listens and hands over no socket', { NOTIFY_SOCKET: '/run/systemd/notify' }, 1],
  ['the sockets are for another process', { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }, 0],
  ['the number of sockets is not one', { LISTEN_PID: pid, LISTEN_FDS: 'x', LISTEN_FDNAMES: 'notify' }, 0],
  [
    'there is no such descriptor',
    { LISTEN_PID: pid, LISTEN_FDS: '999', LISTEN_FDNAMES: `${':'.repeat(900)}notify` },
    0,
  ],
])('%s: nothing is told, and nothing fails', async (_, env, warnings) => {
  const warned: string[] = [];
  const notifier = createServiceNotifier(env, { onWarning: (message) => warned.push(message) });
  notifier.ready();
  notifier.status('fine');
  notifier.stopping();
  await notifier.close();
  expect(notifier.isHeard).toBe(false);
  expect(warned).toHaveLength(warnings);
});
