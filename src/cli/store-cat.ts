/**
 * `narkit store cat`, as `nix store cat`.
 *
 * @module
 */
import type { Command } from 'commander';
import { type Context, writeOut } from './context.ts';
import { addStoreObjectOptions, checkHelp, type StoreObjectFlags, withStoreObject } from './store-object-options.ts';

/** Add the command. */
export function addStoreCatCommand(store: Command, context: Context): void {
  const description = 'Write the contents of a file in a store path to standard output.';
  addStoreObjectOptions(store.command('cat').description(description))
    .addHelpText(
      'after',
      `${checkHelp}The contents are written as they come: only the exit code 0 says that they were right.

Examples:
  $ narkit store cat --store https://cache.example.org /nix/store/…-hello/share/info/hello.info
  $ narkit store cat --store file:///mnt/cache --check /nix/store/…-hello/bin/hello > hello`,
    )
    .action((path: string, flags: StoreObjectFlags) =>
      withStoreObject(context, path, flags, async (object, rest) => {
        const { signal } = context;
        for await (const chunk of object.readFile(rest, { signal })) await writeOut(context, chunk);
      }),
    );
}
