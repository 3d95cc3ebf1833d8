/**
 * `narkit queue list`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DestinationProgress, QueuedPath } from '../queue/queued-path.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type Context, writeOut } from './context.ts';
import { formatDuration } from './format-duration.ts';
import { type ConfigFlag, openQueue, usingQueue } from './open-queue.ts';

interface Flags extends ConfigFlag {
  readonly json?: boolean;
  readonly parked?: boolean;
  readonly tag?: string;
}

/** Add the command. */
export function addQueueListCommand(queue: Command, context: Context): void {
  queue
    .command('list')
    .summary('Print each path that waits or is parked.')
    .description('Print a line for each path that waits or is parked, oldest first.')
    .option('--parked', 'only what is parked')
    .option('--tag <tag>', 'only what was queued under this tag (NARKIT_TAG)')
    .option('--json', 'print a line of JSON for each path')
    .addHelpText('after', '\nExamples:\n  $ narkit queue list --parked\n  $ narkit queue list --json --tag release')
    .action((flags: Flags) => printList(context, flags));
}

async function printList(context: Context, flags: Flags): Promise<void> {
  const queue = await openQueue(context, flags);
  const { isParked, isWaiting, openJournal, readQueuedPaths } = await import('../queue/index.ts');
  const { signal } = context;
  await usingQueue(queue, async () => {
    const journal = await openJournal(queue.spool.directory, { readOnly: true });
    const printed = new Set<StorePath>();
    for await (const queued of readQueuedPaths(queue.spool, journal, queue.destinations, { signal })) {
      const { path, record } = queued;
      if (flags.tag !== undefined && record.tag !== flags.tag) continue;
      if (!isParked(queued) && (flags.parked || !isWaiting(queued))) continue;
      // Queued twice, it is uploaded once.
      if (printed.has(path)) continue;
      printed.add(path);
      const state = isParked(queued) ? 'parked' : 'waiting';
      await writeOut(context, `${flags.json ? formatJson(queued, state) : formatLine(queued, state)}\n`);
    }
    await journal.close();
  });
}

function formatJson({ path, record, destinations }: QueuedPath, state: string): string {
  const worst = findWorst(destinations);
  return JSON.stringify({
    path: formatStorePath(path, record.storeDir),
    state,
    ageSeconds: secondsSince(record.timeMs),
    tag: record.tag ?? null,
    record: record.id,
    attempts: worst.attempts,
    nextAttemptSeconds: secondsUntil(worst.nextAttemptMs),
    lastError: worst.lastError ?? null,
    destinations: destinations.map(({ uri, progress, attempts, nextAttemptMs, lastError }) => ({
      uri,
      progress,
      attempts,
      nextAttemptSeconds: secondsUntil(nextAttemptMs),
      lastError: lastError ?? null,
    })),
  });
}

function formatLine({ path, record, destinations }: QueuedPath, state: string): string {
  const { attempts, nextAttemptMs, lastError } = findWorst(destinations);
  const next = secondsUntil(nextAttemptMs);
  const notes = [
    `${formatDuration(secondsSince(record.timeMs))} old`,
    ...(attempts > 0 ? [`${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`] : []),
    ...(next !== null && state === 'waiting' ? [`next in ${formatDuration(next)}`] : []),
    ...(record.tag === undefined ? [] : [`tag ${record.tag}`]),
  ];
  const error = lastError === undefined ? '' : `: ${lastError.message.replaceAll(/\s+/g, ' ')}`;
  return `${state.padEnd(7)} ${formatStorePath(path, record.storeDir)} (${notes.join(', ')})${error}`;
}

/** The destination that the line is about: a parked one before one that still waits, one that was tried more often before others. */
function findWorst(destinations: readonly DestinationProgress[]): DestinationProgress {
  const weight = ({ progress, attempts }: DestinationProgress): number =>
    attempts + (progress === 'parked' ? 1e6 : progress === 'waiting' ? 0 : -1e6);
  return destinations.toSorted((left, right) => weight(right) - weight(left))[0]!;
}

function secondsSince(timeMs: number): number {
  return Math.max(0, Math.round((Date.now() - timeMs) / 1000));
}

/** `null` when it is due, and when nobody tries it. */
function secondsUntil(timeMs: number | undefined): number | null {
  return timeMs === undefined ? null : Math.max(0, Math.round((timeMs - Date.now()) / 1000));
}
