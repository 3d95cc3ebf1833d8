/**
 * `narkit store ls`, as `nix store ls`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { NarListing } from '../nar/listing.ts';
import type { Context } from './context.ts';
import { addListingOptions, checkListingFlags, type ListingFlags, printListing } from './listing-output.ts';
import { addStoreObjectOptions, checkHelp, type StoreObjectFlags, withStoreObject } from './store-object-options.ts';

/** Add the command. */
export function addStoreLsCommand(store: Command, context: Context): void {
  addListingOptions(addStoreObjectOptions(store.command('ls').description('Print what is in a store path.')))
    .addHelpText(
      'after',
      `${checkHelp}
Examples:
  $ narkit store ls --store https://cache.example.org -lR /nix/store/…-hello
  $ narkit store ls --store 's3://bucket' --check --json /nix/store/…-hello/bin`,
    )
    .action(async (path: string, flags: ListingFlags & StoreObjectFlags) => {
      checkListingFlags(flags);
      const { signal } = context;
      await withStoreObject(context, path, flags, async (object, rest, isCache) => {
        const listing = await object.list({ signal });
        await printListing(context, isCache ? listing : withoutNarOffsets(listing), rest, flags);
      });
    });
}

/** Nix knows no offsets of what it reads from files. */
function withoutNarOffsets(listing: NarListing): NarListing {
  if (listing.type === 'regular') return { ...listing, narOffset: undefined };
  if (listing.type === 'symlink') return listing;
  const entries = [...listing.entries].map(([name, child]) => [name, withoutNarOffsets(child)] as const);
  return { type: 'directory', entries: new Map(entries) };
}
