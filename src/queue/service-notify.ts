/**
 * Telling systemd how a service does (`sd_notify`).
 *
 * systemd listens for it on a Unix datagram socket, and Node has none of these. A service file can have systemd connect one and hand it
 * over, which needs systemd 253:
 *
 * ```ini
 * Type=exec
 * NotifyAccess=main
 * OpenFile=/run/systemd/notify:notify:graceful
 * ```
 *
 * Each write to it is a datagram of this very process, so no other program is started and `NotifyAccess=main` is enough. An older systemd
 * leaves the line out with a warning, and the service runs all the same, without a status; `Type=notify` would wait in vain there.
 *
 * Rules: `sd_notify(3)`, `sd_listen_fds(3)`, `sd_watchdog_enabled(3)`, and `OpenFile=` in `systemd.service(5)`.
 *
 * @module
 */
import { fstatSync, write } from 'node:fs';
import { messageOf } from '../errors.ts';

/** What systemd is told. All of it does nothing where no systemd listens. */
export interface ServiceNotifier {
  /** Is there a systemd that listens? */
  readonly isHeard: boolean;
  /** The service has started. */
  ready(): void;
  /** The line that `systemctl status` shows. */
  status(line: string): void;
  /** The service is about to end. */
  stopping(): void;
  /** Tell what is still to be told, and feed the watchdog no longer. */
  close(): Promise<void>;
}

/** How {@link createServiceNotifier} does it. */
export interface ServiceNotifierOptions {
  /** Takes one line when systemd waits for word and cannot get it. @default nothing */
  readonly onWarning?: (message: string) => void;
}

// SD_LISTEN_FDS_START
const firstDescriptor = 3;

/** Find the socket that systemd handed over under the name `notify`, and feed the watchdog if there is one. */
export function createServiceNotifier(
  env: Readonly<Record<string, string | undefined>>,
  options: ServiceNotifierOptions = {},
): ServiceNotifier {
  const descriptor = findDescriptor(env);
  if (descriptor === undefined) {
    if (env.NOTIFY_SOCKET)
      options.onWarning?.(
        "systemd gets no status: Node cannot open its socket; add 'OpenFile=/run/systemd/notify:notify:graceful' to the service (systemd 253)",
      );
    return { isHeard: false, ready() {}, status() {}, stopping() {}, close: async () => {} };
  }

  let waiting = new Map<string, string>();
  let sending: Promise<void> | undefined;
  let hasFailed = false;

  /** One datagram at a time; what changes meanwhile goes together into the next. */
  function tell(name: string, value: string): void {
    waiting.set(name, value);
    sending ??= send(descriptor!);
  }

  async function send(to: number): Promise<void> {
    while (waiting.size > 0) {
      const lines = [...waiting].map(([name, value]) => `${name}=${value}`);
      waiting = new Map();
      await writeDatagram(to, lines.join('\n')).catch((error: unknown) => {
        if (!hasFailed) options.onWarning?.(`systemd gets no status: ${messageOf(error)}`);
        hasFailed = true;
      });
    }
    sending = undefined;
  }

  const watchdogMs = findWatchdogMs(env);
  // Half of the time, as the manual says.
  const watchdog = watchdogMs && setInterval(() => tell('WATCHDOG', '1'), watchdogMs / 2).unref();

  return {
    isHeard: true,
    ready: () => tell('READY', '1'),
    status: (line) => tell('STATUS', line.replaceAll(/\s+/g, ' ')),
    stopping: () => tell('STOPPING', '1'),
    async close() {
      clearInterval(watchdog);
      await sending;
    },
  };
}

function findDescriptor(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  // The variables of a parent are not for its children.
  if (LISTEN_PID !== String(process.pid)) return undefined;
  const index = LISTEN_FDNAMES.split(':').slice(0, Number(LISTEN_FDS)).indexOf('notify');
  if (index === -1) return undefined;
  const descriptor = firstDescriptor + index;
  try {
    return fstatSync(descriptor).isSocket() ? descriptor : undefined;
  } catch {
    return undefined;
  }
}

function findWatchdogMs(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID = String(process.pid) } = env;
  const milliseconds = Number(WATCHDOG_USEC) / 1000;
  return WATCHDOG_PID === String(process.pid) && milliseconds >= 1 ? milliseconds : undefined;
}

function writeDatagram(descriptor: number, text: string): Promise<void> {
  return new Promise((resolve, reject) =>
    write(descriptor, text, (error) => {
      if (error) reject(error);
      else resolve();
    }),
  );
}
