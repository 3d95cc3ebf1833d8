/**
 * `narkit queue add`.
 *
 * @module
 */
import type { Command } from 'commander';
import { NarkitError } from '../errors.ts';
import { formatStorePath } from '../store-path.ts';
import { type Context, storeOptions, writeOut } from './context.ts';
import { type ConfigFlag, openQueue } from './open-queue.ts';
import { collectStorePaths } from './store-path-argument.ts';

interface Flags extends ConfigFlag {
  readonly stdin?: boolean;
  readonly tag?: string;
  readonly json?: boolean;
}

/** Add the command. */
export function addQueueAddCommand(queue: Command, context: Context): void {
  queue
    .command('add')
    .summary('Queue paths by hand.')
    .description('Queue paths as the hook does, for what it never saw. They are uploaded with all that they refer to.')
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--stdin', 'read paths from standard input, too')
    .option('--tag <tag>', 'queue them under this tag (default: NARKIT_TAG)')
    .option('--json', 'print the records as JSON')
    .addHelpText('after', '\nExample:\n  $ narkit queue add ./result && narkit queue wait ./result')
    .action((paths: string[], flags: Flags) => addPaths(context, paths, flags));
}

async function addPaths(context: Context, named: string[], flags: Flags): Promise<void> {
  const { config, spool } = await openQueue(context, flags, { create: true });
  const { openStore } = await import('../store/open-store.ts');
  const { signal, env } = context;
  const store = await openStore(config.from, storeOptions(context));
  try {
    const paths = [...(await collectStorePaths(context, store, { paths: named, stdin: flags.stdin }))];
    const valid = await store.queryPathInfos(paths, { signal });
    const invalid = paths.find((path) => !valid.has(path));
    if (invalid !== undefined) {
      const name = formatStorePath(invalid, store.storeDir);
      throw new NarkitError('path-absent', `path '${name}' is not valid in '${store.uri}': nothing is queued`);
    }
    const { maximumRecordPaths } = await import('../queue/record.ts');
    const tag = flags.tag ?? (env.NARKIT_TAG || undefined);
    const records: string[] = [];
    for (let start = 0; start < paths.length; start += maximumRecordPaths) {
      const part = paths.slice(start, start + maximumRecordPaths);
      records.push(await spool.addRecord({ storeDir: store.storeDir, paths: part, tag }));
    }
    if (flags.json) await writeOut(context, `${JSON.stringify({ paths: paths.length, records })}\n`);
    else context.stderr.write(`${paths.length} ${paths.length === 1 ? 'path' : 'paths'} queued\n`);
  } finally {
    await store.close();
  }
}
