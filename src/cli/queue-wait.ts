/**
 * `narkit queue wait`.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { QueuedPath } from '../queue/queued-path.ts';
import type { WaitResult } from '../queue/wait.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type Context, exitCode, printError, warn, writeOut } from './context.ts';
import { type ConfigFlag, type OpenedQueue, openQueue, parseQueuedPaths, usingQueue } from './open-queue.ts';
import { withStores } from './queue-reconcile.ts';

/** As of `timeout(1)`, which CI jobs know. */
const timeoutExitCode = 124;

interface Flags extends ConfigFlag {
  readonly tag?: string;
  readonly timeout?: number;
  readonly check: boolean;
  readonly json?: boolean;
}

/** Add the command. */
export function addQueueWaitCommand(queue: Command, context: Context): void {
  queue
    .command('wait')
    .summary('Wait until paths are uploaded.')
    .description(
      'Wait until each destination has these paths, or all that was queued under a tag, or, with neither, all that is in the queue now.',
    )
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--tag <tag>', 'what was queued under this tag (NARKIT_TAG)')
    .option('--timeout <seconds>', 'wait no longer than this', parseSeconds)
    .option('--no-check', 'do not ask the destinations in the end: believe the queue')
    .option('--json', 'print how it ended as one object of JSON')
    .addHelpText(
      'after',
      `
Exit code:
  0    each destination has each path
  1    some were parked, dropped or gone, or never queued
  124  the time is over, and some still wait

Examples:
  $ nix build && narkit queue wait ./result --timeout 600
  $ narkit queue wait --tag nightly

The tag is what NARKIT_TAG says where the hook runs: in the environment of nix-daemon, if there is one.`,
    )
    .action((paths: string[], flags: Flags) => runWait(context, paths, flags));
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 && seconds <= 30 * 24 * 60 * 60))
    throw new InvalidArgumentError('It is a number of seconds, at most 30 days.');
  return seconds;
}

async function runWait(context: Context, named: readonly string[], flags: Flags): Promise<void> {
  const queue = await openQueue(context, flags);
  const paths = named.length > 0 ? new Set(await parseQueuedPaths(context, named)) : undefined;
  const { waitForQueue } = await import('../queue/index.ts');
  const { tag, timeout } = flags;
  const { signal } = context;
  const teller = createTeller(context, queue);
  const result = await usingQueue(queue, () =>
    waitForQueue(queue.spool, queue.config, {
      paths,
      tag,
      timeoutMs: timeout === undefined ? undefined : timeout * 1000,
      signal,
      onProgress: teller.onProgress,
    }),
  );
  await teller.said();
  if (result.paths.size === 0 && tag !== undefined)
    warn(context, `nothing is in the queue under the tag '${tag}': all of it was uploaded, or nothing was queued`);
  const lacking = result.outcome === 'settled' && flags.check ? await findLackingPaths(context, queue, result) : [];
  await report(context, result, lacking, flags);
}

interface Teller {
  onProgress(waiting: number): void;
  /** All is said, before how the waiting ended. */
  said(): Promise<void>;
}

/** Words for a person who waits: once that nobody works, once for each destination that cannot be reached. */
function createTeller(context: Context, queue: OpenedQueue): Teller {
  let telling: Promise<void> | undefined;
  async function tell(): Promise<void> {
    // Words only: what keeps them from being found does not keep anybody from waiting.
    const lines = await describeHindrances(queue).catch(() => []);
    for (const line of lines) warn(context, line);
  }
  return {
    onProgress(waiting) {
      if (waiting > 0) telling ??= tell();
    },
    async said() {
      await telling;
    },
  };
}

async function describeHindrances({ spool, config }: OpenedQueue): Promise<string[]> {
  const { readQueueStatus } = await import('../queue/index.ts');
  const { worker, paused, destinations } = await readQueueStatus(spool, config);
  return [
    ...(worker.running ? [] : ["no worker runs: start one with 'narkit worker'"]),
    ...(paused ? ["all is paused: see 'narkit queue resume'"] : []),
    ...destinations.flatMap(({ uri, state, lastError }) =>
      state === 'ready' || paused ? [] : [`'${uri}' is ${state}${lastError === undefined ? '' : `: ${lastError}`}`],
    ),
  ];
}

/** What is not where it should be, though it does not wait any more. */
async function findLackingPaths(
  context: Context,
  { config }: OpenedQueue,
  { paths, parked }: WaitResult,
): Promise<StorePath[]> {
  const { findAbsent } = await import('../queue/presence.ts');
  const { leaveOutSigned } = await import('../queue/reconcile.ts');
  const { signal } = context;
  const isParked = new Set(parked.map(({ path }) => path));
  const unsure = [...paths].filter((path) => !isParked.has(path));
  if (unsure.length === 0) return [];
  const absent = await withStores(context, config.to, async (destinations) => {
    const lists = await Promise.all(destinations.map((store) => findAbsent(store, unsure, { signal })));
    return [...new Set(lists.flat())];
  });
  if (absent.length === 0 || config.skipSignedBy.length === 0) return absent;
  const { skipSignedBy } = config;
  return withStores(context, [config.from], async ([from]) => [
    ...(await leaveOutSigned(from!, absent, { skipSignedBy, signal })),
  ]);
}

async function report(
  context: Context,
  { outcome, paths, parked, waiting }: WaitResult,
  lacking: readonly StorePath[],
  { json }: Flags,
): Promise<void> {
  const { defaultStoreDirOf } = await import('../store/local-directories.ts');
  const format = (path: StorePath): string => formatStorePath(path, defaultStoreDirOf(context.env));
  const formatAll = (queued: readonly QueuedPath[]): string[] => [...new Set(queued.map(({ path }) => format(path)))];
  const missing = lacking.map(format);
  for (const path of formatAll(parked))
    printError(context, `path '${path}' is parked: see 'narkit queue list --parked'`);
  for (const path of missing)
    printError(
      context,
      `path '${path}' is not at each destination, and not in the queue: dropped, gone, or never queued`,
    );
  const left = formatAll(waiting);
  if (outcome === 'timeout')
    printError(context, `the time is over, and ${left.length} of ${paths.size} paths still wait`);
  const ended =
    outcome === 'timeout'
      ? 'timeout'
      : parked.length > 0 || missing.length > 0
        ? ('failed' as const)
        : ('uploaded' as const);
  if (json)
    await writeOut(
      context,
      `${JSON.stringify({ outcome: ended, paths: paths.size, waiting: left, parked: formatAll(parked), missing })}\n`,
    );
  context.exitCode = { uploaded: exitCode.success, failed: exitCode.failure, timeout: timeoutExitCode }[ended];
}
