/**
 * `narkit store …`, as `nix store`.
 *
 * @module
 */
import type { Command } from 'commander';
import { formatStorePath } from '../store-path.ts';
import { type Context, exitCode, printError, storeOptions, UsageError } from './context.ts';
import { addStoreCatCommand } from './store-cat.ts';
import { addStoreInfoCommand } from './store-info.ts';
import { addStoreLsCommand } from './store-ls.ts';
import { collectStorePaths } from './store-path-argument.ts';
import { addStoreSignCommand } from './store-sign.ts';
import { addStoreVerifyCommand } from './store-verify.ts';

interface CopyLogFlags {
  readonly from?: string;
  readonly to?: string;
  readonly stdin?: boolean;
}

/** Add the commands. */
export function addStoreCommands(program: Command, context: Context): void {
  const store = program.command('store').description('Work on stores.');
  addStoreInfoCommand(store, context);
  addStoreLsCommand(store, context);
  addStoreCatCommand(store, context);
  addStoreSignCommand(store, context);
  store
    .command('copy-log')
    .description('Copy the build logs of derivations, or of the derivations that made paths, from a store to another.')
    .argument('[paths...]', 'derivations or what they made')
    .option('--from <store-uri>', 'the store to copy from (default: the local Nix)')
    .option('--to <store-uri>', 'the store to copy to')
    .option('--stdin', 'read paths from standard input, too')
    .addHelpText('after', `\nExample:\n  $ narkit store copy-log --to 's3://bucket' ./result`)
    .action((paths: string[], flags: CopyLogFlags) => runCopyLog(context, paths, flags));
  addStoreVerifyCommand(store, context);
}

async function runCopyLog(context: Context, paths: string[], flags: CopyLogFlags): Promise<void> {
  if (flags.to === undefined) throw new UsageError("name where to copy to with '--to'");
  const { openStore } = await import('../store/open-store.ts');
  const { openWritableStore } = await import('../store/open-writable-store.ts');
  const { copyBuildLog } = await import('../copy/copy-build-log.ts');
  const { signal } = context;
  const from = await openStore(flags.from ?? 'auto', storeOptions(context));
  try {
    const to = await openWritableStore(flags.to, storeOptions(context));
    try {
      for (const path of await collectStorePaths(context, from, { paths, stdin: flags.stdin })) {
        const deriver = path.endsWith('.drv') ? path : (await from.queryPathInfo(path, { signal }))?.deriver;
        if (deriver !== undefined && (await copyBuildLog(from, to, deriver, { signal }))) continue;
        printError(context, `there is no build log of '${formatStorePath(path, from.storeDir)}' in '${from.uri}'`);
        context.exitCode = exitCode.failure;
      }
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
