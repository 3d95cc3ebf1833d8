/**
 * `narkit worker`.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { isNarkitError } from '../errors.ts';
import type { SpoolLock } from '../queue/lock.ts';
import type { MetricsServer } from '../queue/metrics-server.ts';
import type { ServiceNotifier } from '../queue/service-notify.ts';
import type { QueueStatus } from '../queue/status.ts';
import type { WorkerEvent } from '../queue/worker/worker-event.ts';
import { type Context, exitCode } from './context.ts';
import { formatDuration } from './format-duration.ts';
import { type ConfigFlag, configFlag, type OpenedQueue, openQueue, usingQueue } from './open-queue.ts';
import { keepHeapSmall } from './small-heap.ts';
import { createWorkerLog } from './worker-log.ts';

interface Flags extends ConfigFlag {
  readonly once?: boolean;
  readonly metrics?: string;
  readonly logFormat: 'text' | 'json';
  readonly verbose?: boolean;
}

/** Add the command. */
export function addWorkerCommand(program: Command, context: Context): void {
  program
    .command('worker')
    .summary('Upload what was queued.')
    .description(
      'Upload what the hook queued, and what it queues from now on, until it is told to stop (SIGTERM, Ctrl-C). One worker works on a queue.',
    )
    .option('--once', 'upload what is there, and end')
    .option(...configFlag)
    .option('--metrics <address>', 'serve metrics for Prometheus at HOST:PORT or unix:/PATH (default: as configured)')
    .addOption(
      new Option('--log-format <format>', 'what a line of the log is').choices(['text', 'json']).default('text'),
    )
    .option('-v, --verbose', 'log what begins, too, and what is there already')
    .addHelpText(
      'after',
      `
Exit code:
  0  it was told to stop; with --once: all is uploaded
  1  it cannot work, as when another worker has the queue; with --once: some paths are parked, or still wait

Examples:
  $ narkit worker
  $ narkit worker --once --config ./narkit.toml`,
    )
    .action((flags: Flags) => runWorkerCommand(context, flags));
}

async function runWorkerCommand(context: Context, flags: Flags): Promise<void> {
  keepHeapSmall();
  const queue = await openQueue(context, flags, { create: true });
  const lock = await takeLock(queue.spool.directory);
  try {
    await usingQueue(queue, () => work(context, queue, flags));
  } finally {
    await lock.release();
  }
}

/** A command such as `narkit queue retry` has the lock for a moment, too. */
async function takeLock(directory: string): Promise<SpoolLock> {
  const { acquireLock } = await import('../queue/lock.ts');
  for (let attempt = 1; ; attempt++)
    try {
      return await acquireLock(directory);
    } catch (error) {
      if (!isNarkitError(error) || error.code !== 'locked' || attempt === 5) throw error;
      await delay(200);
    }
}

async function work(context: Context, queue: OpenedQueue, flags: Flags): Promise<void> {
  const { createQueueMetrics, createServiceNotifier, readQueueStatus, runWorker, serveMetrics } = await import(
    '../queue/index.ts'
  );
  const { defaultStoreDirOf } = await import('../store/local-directories.ts');
  const { config, spool, destinations } = queue;
  const { env, signal } = context;
  const { once = false, logFormat: format, verbose = false } = flags;
  const log = createWorkerLog(context, { format, verbose, storeDir: defaultStoreDirOf(env) });
  const readStatus = (): ReturnType<typeof readQueueStatus> => readQueueStatus(spool, config);

  const address = flags.metrics ?? config.queue.metrics;
  const metrics = address === undefined ? undefined : await createQueueMetrics(destinations);
  let server: MetricsServer | undefined;
  if (metrics) {
    const { contentType } = metrics;
    server = await serveMetrics(address!, { contentType, format: () => metrics.format(readStatus) });
    log.note(`metrics are at ${server.address}${server.address.startsWith('unix:') ? ', /metrics' : '/metrics'}`);
  }
  const notifier = createServiceNotifier(env, { onWarning: log.warning });
  const teller = createStatusTeller(notifier, async () => formatStatusLine(await readStatus()));
  try {
    const result = await runWorker({
      config,
      spool,
      once,
      signal,
      env,
      onEvent(event) {
        log.onEvent(event);
        metrics?.onEvent(event);
        teller.onEvent(event);
      },
    });
    if (once && (result.parked > 0 || result.waiting > 0)) {
      log.warning(`${result.parked} parked, ${result.waiting} waiting`);
      context.exitCode = exitCode.failure;
    }
  } finally {
    await teller.close();
    notifier.stopping();
    await notifier.close();
    await server?.close();
  }
}

const statusEveryMs = 5_000;

interface StatusTeller {
  onEvent(event: WorkerEvent): void;
  /** Once a line that is being written is told. */
  close(): Promise<void>;
}

/** Keeps the line of `systemctl status` up to date: after something happened, but not often. */
function createStatusTeller(notifier: ServiceNotifier, formatLine: () => Promise<string>): StatusTeller {
  // To count what waits takes a while: only for somebody who looks.
  if (!notifier.isHeard) return { onEvent() {}, async close() {} };
  let timer: NodeJS.Timeout | undefined;
  let telling: Promise<void> | undefined;
  const tell = (): void => {
    timer = undefined;
    // A line for a person: what keeps it from being written is said elsewhere.
    telling = formatLine().then(notifier.status, () => {});
  };
  return {
    onEvent({ type }) {
      if (type === 'started') {
        notifier.ready();
        tell();
      } else if (type === 'stopping') void Promise.resolve(telling).then(notifier.stopping);
      else timer ??= setTimeout(tell, statusEveryMs).unref();
    },
    async close() {
      clearTimeout(timer);
      await telling;
    },
  };
}

function formatStatusLine({ waiting, active, parked, oldestSeconds, paused, destinations }: QueueStatus): string {
  const oldest = oldestSeconds === undefined ? '' : ` (oldest ${formatDuration(oldestSeconds)})`;
  const hindered = destinations.flatMap(({ uri, state, lastError }) =>
    state === 'ready' ? [] : [`${uri} ${state}${lastError === undefined ? '' : `: ${lastError}`}`],
  );
  const lines = [
    `${waiting} waiting${oldest}, ${active} active, ${parked} parked`,
    ...(paused ? ['all paused'] : hindered),
  ];
  return lines.join('; ');
}
