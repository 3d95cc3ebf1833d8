/**
 * `narkit queue reconcile`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Store } from '../store/store.ts';
import { formatStorePath } from '../store-path.ts';
import { type Context, storeOptions, writeOut } from './context.ts';
import { type ConfigFlag, findDestination, type OpenedQueue, openQueue, usingQueue } from './open-queue.ts';

interface Flags extends ConfigFlag {
  readonly destination?: string;
  readonly tag?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Add the command. */
export function addQueueReconcileCommand(queue: Command, context: Context): void {
  queue
    .command('reconcile')
    .summary('Queue all paths of the local store that a destination lacks.')
    .description(
      'Queue all valid paths of the local store that a destination lacks: what was built before the hook was set up, what was substituted, what was built with --check. What a key of skip-signed-by signed stays out.',
    )
    .option('--destination <store-uri>', 'compare with this destination alone')
    .option('--tag <tag>', 'queue them under this tag')
    .option('--dry-run', 'queue nothing, print the paths')
    .option('--json', 'print the counts as one object of JSON')
    .addHelpText('after', '\nExamples:\n  $ narkit queue reconcile --dry-run\n  $ narkit queue reconcile')
    .action((flags: Flags) => runReconcile(context, flags));
}

async function runReconcile(context: Context, flags: Flags): Promise<void> {
  const queue = await openQueue(context, flags, { create: true });
  const only = flags.destination === undefined ? undefined : await findDestination(queue, flags.destination);
  const { openStore } = await import('../store/open-store.ts');
  const from = await openStore(queue.config.from, storeOptions(context));
  try {
    const uris = queue.config.to.filter((_, index) => only === undefined || queue.destinations[index] === only);
    await withStores(context, uris, (destinations) => reconcileWith(context, queue, from, destinations, flags));
  } finally {
    await from.close();
  }
}

async function reconcileWith(
  context: Context,
  queue: OpenedQueue,
  from: Store,
  destinations: readonly Store[],
  flags: Flags,
): Promise<void> {
  const { reconcile } = await import('../queue/index.ts');
  const { tag, dryRun = false, json } = flags;
  const { skipSignedBy } = queue.config;
  const { signal } = context;
  let written = Promise.resolve();
  const onLacking = (path: Parameters<typeof formatStorePath>[0]): void => {
    if (!dryRun || json) return;
    written = written.then(() => writeOut(context, `${formatStorePath(path, from.storeDir)}\n`));
    // What went wrong is thrown where it is awaited.
    written.catch(() => {});
  };
  const counts = await usingQueue(queue, () =>
    reconcile(queue.spool, from, destinations, { skipSignedBy, tag, dryRun, onLacking, signal }),
  );
  await written;
  if (json) return writeOut(context, `${JSON.stringify({ ...counts, dryRun })}\n`);
  const { valid, present, skipped, lacking } = counts;
  const skippedText = skipped > 0 ? `, ${skipped} skipped` : '';
  context.stderr.write(
    `${valid} valid paths: ${present} present or queued${skippedText}, ${lacking} ${dryRun ? 'to be queued' : 'queued'}\n`,
  );
}

/** Open these stores, and close them in the end. */
export async function withStores<Result>(
  context: Context,
  uris: readonly string[],
  use: (stores: readonly Store[]) => Promise<Result>,
): Promise<Result> {
  const { openStore } = await import('../store/open-store.ts');
  const stores: Store[] = [];
  try {
    for (const uri of uris) stores.push(await openStore(uri, storeOptions(context)));
    return await use(stores);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}
