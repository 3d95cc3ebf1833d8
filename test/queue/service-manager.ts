/**
 * The part of systemd that hands a service its notify socket, in Python: Node has no datagram sockets of this kind.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';

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

/**
 * Start a program as a service of type `notify`. Each line of standard output is `[is it from the main process, the datagram]` as JSON.
 *
 * @param socket where the notify socket is made.
 * @param descriptor where the service gets it, and `names` what all descriptors from 3 on are called.
 */
export function startService(
  command: readonly string[],
  socket: string,
  env: Readonly<Record<string, string>> = {},
  { descriptor = 3, names = 'notify' } = {},
): ChildProcess {
  return spawn('python3', ['-c', manager, socket, String(descriptor), names, ...command], {
    env: { PATH: process.env.PATH, ...env },
  });
}

/** The datagrams, each with whether the main process sent it. */
export function parseDatagrams(stdout: string): [boolean, string][] {
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as [boolean, string]]));
}
