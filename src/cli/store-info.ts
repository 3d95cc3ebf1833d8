/**
 * `narkit store info`, as `nix store info`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { BinaryCacheStore } from '../binary-cache/index.ts';
import type { DaemonStore } from '../store/daemon/index.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { type Context, storeOptions, warn, writeOut } from './context.ts';

interface Flags {
  readonly store: string;
  readonly json?: boolean;
  readonly pretty?: boolean;
}

/** What is printed, in the order of Nix's JSON. What only caches have is not in Nix's. */
interface StoreInfo {
  readonly priority?: number;
  readonly storeDir: string;
  readonly trusted?: boolean;
  readonly url: string;
  readonly version?: string;
  readonly wantMassQuery?: boolean;
}

/** Add the command, and the name that it had before Nix 2.19. */
export function addStoreInfoCommand(store: Command, context: Context): void {
  addOptions(store.command('info'))
    .description('Say whether a store can be reached, and what it says of itself.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ narkit store info\n  $ narkit store info --store https://cache.example.org --json',
    )
    .action((flags: Flags) => runStoreInfo(context, flags));
  addOptions(store.command('ping', { hidden: true })).action((flags: Flags) => {
    warn(context, "'ping' is a deprecated alias for 'info'");
    return runStoreInfo(context, flags);
  });
}

function addOptions(command: Command): Command {
  return command
    .option('--store <store-uri>', 'the store to ask', 'auto')
    .option('--json', 'print JSON')
    .option('--pretty', 'print the JSON on many lines (default: on a terminal)')
    .option('--no-pretty', 'print the JSON on one line (default: elsewhere)');
}

async function runStoreInfo(context: Context, flags: Flags): Promise<void> {
  const { openStore } = await import('../store/open-store.ts');
  const store = await openStore(flags.store, storeOptions(context));
  try {
    const info = describeStore(store);
    if (flags.json) {
      const pretty = flags.pretty ?? context.stdout.isTTY;
      return await writeOut(context, `${JSON.stringify(info, null, pretty ? 2 : 0)}\n`);
    }
    const lines = [`Store URL: ${info.url}`];
    if (info.version !== undefined) lines.push(`Version: ${info.version}`);
    if (info.trusted !== undefined) lines.push(`Trusted: ${info.trusted ? 1 : 0}`);
    context.stderr.write(`${lines.join('\n')}\n`);
  } finally {
    await store.close();
  }
}

/** @throws {@link StoreError} `cache-absent` */
function describeStore(store: Store): StoreInfo {
  const { uri: url, storeDir } = store;
  const trusted = /^(file|local)\b/.test(url) ? { trusted: true } : {};
  if ('daemon' in store) {
    const { daemon } = store as DaemonStore;
    return {
      storeDir,
      ...(daemon.trusted !== undefined && { trusted: daemon.trusted }),
      url,
      ...(daemon.nixVersion !== undefined && { version: daemon.nixVersion }),
    };
  }
  if (!('backend' in store)) return { storeDir, ...trusted, url };
  const { cacheInfo } = store as BinaryCacheStore;
  if (cacheInfo === undefined)
    throw new StoreError('cache-absent', `'${url}' does not appear to be a binary cache: it has no 'nix-cache-info'`, {
      uri: url,
    });
  const { priority, wantMassQuery } = cacheInfo;
  return {
    ...(priority !== undefined && { priority }),
    storeDir,
    ...trusted,
    url,
    ...(wantMassQuery !== undefined && { wantMassQuery }),
  };
}
