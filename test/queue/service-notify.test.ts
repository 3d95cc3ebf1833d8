/** sd_notify through a real datagram socket, as systemd's `OpenFile=` hands it over. Node has none of these, so Python receives. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceNotifier } from '../../src/queue/service-notify.ts';

/** As systemd does: connect a datagram socket, put it at a descriptor, say so in the environment, become the service. */
const manager = `
import json, os, socket, struct, sys
path, descriptor, names, service = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind(path)
pid = os.fork()
if pid == 0:
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(path)
    for number in range(3, 3 + len(names.split(':'))):
        if number != descriptor: os.dup2(os.open('/dev/null', os.O_RDWR), number)
    os.dup2(sender.fileno(), descriptor)
    os.set_inheritable(descriptor, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names.split(':'))), LISTEN_FDNAMES=names,
                      NOTIFY_SOCKET=path)
    os.execvp(service[0], service)
receiver.settimeout(20)
while True:
    try: message, extra, _, _ = receiver.recvmsg(4096, socket.CMSG_SPACE(12))
    except TimeoutError: break
    sender = struct.unpack('3i', extra[0][2])[0]
    print(json.dumps([sender == pid, message.decode()]), flush=True)
    if b'STOPPING' in message: break
os.waitpid(pid, 0)
`;

let directory: string;
let made = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-service-notify-'));
  await writeFile(join(directory, 'manager.py'), manager);
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
  const child = spawn('python3', [join(directory, 'manager.py'), socket, String(descriptor), names, ...command], {
    env: { PATH: process.env.PATH, ...env },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(stderr).toBe('');
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as [boolean, string]]));
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
  const messages = await runService('notify', 3, { WATCHDOG_USEC: '100000' }, 500);
  const fed = messages.filter(([, message]) => message.includes('WATCHDOG=1')).length;
  expect(fed).toBeGreaterThan(2);
  expect(fed).toBeLessThan(20);
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
  expect(warned).toHaveLength(warnings);
});
