/**
 * `narkit queue retry|drop|pause|resume`.
 *
 * @module
 */
import type { Command } from 'commander';
import { NarkitError } from '../errors.ts';
import type { QueueCommand } from '../queue/commands.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type Context, UsageError, warn, writeOut } from './context.ts';
import {
  type ConfigFlag,
  findDestination,
  type OpenedQueue,
  openQueue,
  parseQueuedPaths,
  usingQueue,
} from './open-queue.ts';

interface Flags extends ConfigFlag {
  readonly json?: boolean;
}

interface PathFlags extends Flags {
  readonly parked?: boolean;
  readonly all?: boolean;
}

/** Add the commands. */
export function addQueueCommandCommands(queue: Command, context: Context): void {
  queue
    .command('retry')
    .summary('Try paths again now.')
    .description(
      'Try paths again now, with all attempts that a new one has: those named, those that are parked, or all.',
    )
    .argument('[paths...]', 'store paths')
    .option('--parked', 'all that are parked')
    .option('--all', 'all that are parked, and all that wait for another attempt')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', '\nExample:\n  $ narkit queue retry --parked')
    .action((paths: string[], flags: PathFlags) => steerPaths(context, 'retry', paths, flags));
  queue
    .command('drop')
    .summary('Take paths out of the queue.')
    .description('Take paths out of the queue without uploading them: those named, those that are parked, or all.')
    .argument('[paths...]', 'store paths')
    .option('--parked', 'all that are parked')
    .option('--all', 'everything')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', '\nExample:\n  $ narkit queue drop /nix/store/…-hello-2.12')
    .action((paths: string[], flags: PathFlags) => steerPaths(context, 'drop', paths, flags));
  queue
    .command('pause')
    .summary('Upload nothing for now.')
    .description(
      'Upload nothing to a destination, or to any, until it is resumed. What is built is queued all the same.',
    )
    .argument('[destination]', 'as in the configuration file (default: all)')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', "\nExample:\n  $ narkit queue pause 's3://bucket?region=eu-west-1'")
    .action((destination: string | undefined, flags: Flags) => steerDestination(context, 'pause', destination, flags));
  queue
    .command('resume')
    .summary('Upload again.')
    .description('Upload again to a destination, or to all, and try at once those that were given a rest.')
    .argument('[destination]', 'as in the configuration file (default: all)')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', '\nExample:\n  $ narkit queue resume')
    .action((destination: string | undefined, flags: Flags) => steerDestination(context, 'resume', destination, flags));
}

async function steerPaths(
  context: Context,
  command: 'retry' | 'drop',
  named: readonly string[],
  flags: PathFlags,
): Promise<void> {
  const ways = [named.length > 0, flags.parked, flags.all].filter(Boolean).length;
  if (ways !== 1) throw new UsageError("name paths, or use '--parked', or '--all'");
  const queue = await openQueue(context, flags);
  const paths = flags.parked ? 'parked' : flags.all ? 'all' : await parseQueuedPaths(context, named);
  await usingQueue(queue, async () => {
    if (Array.isArray(paths)) await requireQueued(context, queue, paths);
    await send(context, queue, { command, paths }, flags);
  });
}

/** A path that was mistyped must not look as if it had been dropped. */
async function requireQueued(context: Context, { spool }: OpenedQueue, paths: readonly StorePath[]): Promise<void> {
  const { readRecords } = await import('../queue/queued-path.ts');
  const { defaultStoreDirOf } = await import('../store/local-directories.ts');
  const missing = new Set(paths);
  for await (const record of readRecords(spool, await spool.listRecordIds(), context)) {
    for (const path of record.paths) missing.delete(path);
    if (missing.size === 0) return;
  }
  for (const path of missing)
    throw new NarkitError(
      'not-queued',
      `path '${formatStorePath(path, defaultStoreDirOf(context.env))}' is not in the queue '${spool.directory}'`,
    );
}

async function steerDestination(
  context: Context,
  command: 'pause' | 'resume',
  given: string | undefined,
  flags: Flags,
): Promise<void> {
  const queue = await openQueue(context, flags);
  const destination = given === undefined ? undefined : await findDestination(queue, given);
  await usingQueue(queue, () => send(context, queue, { command, destination }, flags));
}

async function send(context: Context, queue: OpenedQueue, command: QueueCommand, flags: Flags): Promise<void> {
  const { sendCommand } = await import('../queue/index.ts');
  const sent = await sendCommand(queue.spool, queue.destinations, command, context);
  if (sent.by === 'nobody')
    warn(
      context,
      `process ${sent.processId} has the queue and did not answer: it will carry the command out by and by`,
    );
  const isDone = sent.by !== 'nobody';
  if (flags.json) {
    const changed = sent.by === 'us' ? sent.changed : null;
    await writeOut(context, `${JSON.stringify({ command: command.command, done: isDone, changed })}\n`);
  } else if (isDone) context.stderr.write(`${describe(command, sent.by === 'us' ? sent.changed : undefined)}\n`);
}

const verbs = { retry: 'tried again', drop: 'dropped', pause: 'paused', resume: 'resumed' } as const;

function describe({ command, ...what }: QueueCommand, changed: number | undefined): string {
  if (changed === undefined) return 'the worker did it';
  const noun = 'paths' in what ? 'path' : 'destination';
  const later = command === 'retry' && changed > 0 ? ' when a worker runs' : '';
  return `${changed} ${noun}${changed === 1 ? '' : 's'} ${verbs[command]}${later}`;
}
