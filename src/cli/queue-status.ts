/**
 * `narkit queue status`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { QueueStatus } from '../queue/status.ts';
import { type Context, writeOut } from './context.ts';
import { formatDuration } from './format-duration.ts';
import { type ConfigFlag, openQueue, usingQueue } from './open-queue.ts';

interface Flags extends ConfigFlag {
  readonly json?: boolean;
}

/** Add the command. */
export function addQueueStatusCommand(queue: Command, context: Context): void {
  queue
    .command('status')
    .summary('Print how the queue does.')
    .description(
      'Print how many paths wait, are on their way, and are parked (given up until somebody asks for another try), and the state of each destination.',
    )
    .option('--json', 'print one object of JSON')
    .addHelpText('after', '\nExamples:\n  $ narkit queue status\n  $ narkit queue status --json | jq .oldestSeconds')
    .action((flags: Flags) => printStatus(context, flags));
}

async function printStatus(context: Context, flags: Flags): Promise<void> {
  const queue = await openQueue(context, flags);
  const { readQueueStatus } = await import('../queue/index.ts');
  const status = await usingQueue(queue, () => readQueueStatus(queue.spool, queue.config));
  await writeOut(context, flags.json ? `${formatJson(status)}\n` : formatText(status));
}

/** Every key is always there: a script must not take an absent number for 0. */
function formatJson({ oldestSeconds, worker, destinations, ...rest }: QueueStatus): string {
  return JSON.stringify({
    ...rest,
    oldestSeconds: oldestSeconds ?? null,
    worker: { running: worker.running, pid: worker.pid ?? null },
    destinations: destinations.map(({ lastError, ...destination }) => ({
      ...destination,
      lastError: lastError ?? null,
    })),
  });
}

function formatText(status: QueueStatus): string {
  const { waiting, active, parked, damaged, oldestSeconds, paused, worker, destinations } = status;
  const oldest = oldestSeconds === undefined ? '' : `, the oldest for ${formatDuration(oldestSeconds)}`;
  const lines = [
    `waiting  ${waiting}${oldest}${paused ? ' (all is paused)' : ''}`,
    `active   ${active}`,
    `parked   ${parked}${parked > 0 ? "  (see 'narkit queue list --parked')" : ''}`,
    ...(damaged > 0 ? [`damaged  ${damaged}  (records that cannot be read)`] : []),
    `worker   ${worker.running ? `runs${worker.pid === undefined ? '' : ` (process ${worker.pid})`}` : 'none runs'}`,
    ...destinations.map(({ uri, state, waiting, parked, lastError }) => {
      const parkedText = parked > 0 ? `, ${parked} parked` : '';
      return `${uri}: ${state}, ${waiting} waiting${parkedText}${lastError === undefined ? '' : `; ${lastError}`}`;
    }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
