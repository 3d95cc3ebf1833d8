/**
 * `narkit store verify`: as `nix store verify`, with all that a binary cache has besides, repair and quarantine.
 *
 * The exit code is the sum of 1 for corrupt, 2 for untrusted and 4 for other findings that were not mended; 4 too when the store cannot be
 * opened. Wrong use is 2, as everywhere.
 *
 * `--json` prints a line for each finding, then one for the whole:
 *
 * ```json
 * {"kind":"nar-missing","severity":"corrupt","path":"/nix/store/…-hello","key":"nar/….nar.zst","message":"…"}
 * {"summary":{"store":"file:///mnt/cache","paths":1000,"narBytes":4096,"corrupt":1,"untrusted":0,"other":0,"notes":0,"repaired":0,"quarantined":0}}
 * ```
 *
 * A finding has `kind` and `severity` (`corrupt`, `untrusted`, `other`, `note`), and where it is known: `path`, `key` (the file of the cache),
 * `references` (those that are missing), `size` (bytes of a file that nobody needs), `repaired: true`, `repairFailure`, and `quarantineKey`,
 * where the narinfo lies now.
 *
 * @module
 */
import type { Command } from 'commander';
import { messageOf } from '../errors.ts';
import type { PublicKey } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import type { StorePath } from '../store-path.ts';
import type { RepairSource, VerifyOptions } from '../verify/index.ts';
import { type Context, printError, storeOptions, UsageError } from './context.ts';
import { collectStorePaths } from './store-path-argument.ts';
import { readTrustedPublicKeys } from './trusted-public-keys.ts';
import { createVerifyOutput } from './verify-output.ts';

/** What could not be verified at all, in the exit codes of `nix store verify`. */
const otherExitCode = 4;

interface Flags {
  readonly store: string;
  readonly all?: boolean;
  readonly recursive?: boolean;
  readonly stdin?: boolean;
  readonly contents: boolean;
  readonly trust: boolean;
  readonly sigsNeeded?: number;
  readonly substituter?: readonly string[];
  readonly trustedPublicKeys?: readonly string[];
  readonly repairFrom?: readonly string[];
  readonly quarantine?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

const append = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

/** Add the command. */
export function addStoreVerifyCommand(store: Command, context: Context): void {
  store
    .command('verify')
    .summary('Verify that a store is what it says it is, and repair a cache.')
    .description(
      'Verify that paths of a store have the contents that it promises, and that somebody trusted signed them.',
    )
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--store <store-uri>', 'the store to verify', 'auto')
    .option('--all', 'all of the store; in a cache, all its files')
    .option('-r, --recursive', 'the closure of the paths')
    .option('--stdin', 'read paths from standard input, too')
    .option('--no-contents', 'do not read NARs: in a cache, only look whether they are there')
    .option('--no-trust', 'do not ask who signed')
    .option('-n, --sigs-needed <n>', 'so many signatures by trusted keys for each path', parseCount)
    .option(
      '-s, --substituter <store-uri>',
      'signatures and references of this store count, too (may be repeated)',
      append,
    )
    .option('--trusted-public-keys <keys>', 'whom to trust (default: as nix.conf says)', append)
    .option('--repair-from <store-uri>', 'mend a cache from this store, such as auto (may be repeated)', append)
    .option('--quarantine', 'take narinfo files of corrupt paths out of sight of clients')
    .option('--json', 'print a line of JSON for each finding, and one for the whole')
    .option('-q, --quiet', 'say nothing to a person')
    .option('-v, --verbose', 'say what is only worth a note, too')
    .addHelpText(
      'after',
      `
Exit status: the sum of 1 (something is corrupt), 2 (untrusted), 4 (missing, or not to be found out); what was repaired does not count.

Examples:
  $ narkit store verify --all --store file:///mnt/cache
  $ narkit store verify --store https://cache.example.org -r ./result
  $ narkit store verify --all --store 's3://bucket?region=eu-west-1' --repair-from auto --quarantine`,
    )
    .action((paths: string[], flags: Flags) => runStoreVerify(context, paths, flags));
}

function parseCount(value: string): number {
  if (/^[0-9]{1,4}$/.test(value)) return Number(value);
  throw new UsageError(`'--sigs-needed' takes a whole number, not '${value}'`);
}

async function runStoreVerify(context: Context, paths: string[], flags: Flags): Promise<void> {
  if (flags.all && (paths.length > 0 || flags.stdin || flags.recursive))
    throw new UsageError("'--all' takes no paths besides: it is all of them");
  const opened: Store[] = [];
  try {
    await verify(context, paths, flags, opened);
  } catch (error) {
    if (context.signal.aborted || error instanceof UsageError) throw error;
    printError(context, messageOf(error));
    context.exitCode |= otherExitCode;
  } finally {
    await Promise.all(opened.map((store) => store.close()));
  }
}

async function verify(context: Context, paths: string[], flags: Flags, opened: Store[]): Promise<void> {
  const { signal } = context;
  const { quarantineFolderOf, verifyExitCode, verifyStore } = await import('../verify/index.ts');
  const { openStore } = await import('../store/open-store.ts');
  const open = async (uri: string): Promise<Store> => {
    const store = await openStore(uri, storeOptions(context));
    opened.push(store);
    return store;
  };
  // A `nix-cache-info` that cannot be read is found by the verification.
  const store = await openStore(flags.store, { ...storeOptions(context), onCacheInfoError: () => {} });
  opened.push(store);
  const trustedPublicKeys = flags.trust ? await readTrustedPublicKeys(context, flags.trustedPublicKeys) : undefined;
  const substituters = await openAll(flags.substituter, open);
  const sources = await openAll(flags.repairFrom, open);
  const wanted = await choosePaths(context, store, paths, flags);

  const output = createVerifyOutput(context, { ...flags, store });
  const options: VerifyOptions = {
    signal,
    contents: flags.contents,
    trustedPublicKeys,
    signaturesNeeded: flags.sigsNeeded,
    substituters,
    ...(sources.length > 0 && { repairFrom: sources.map((source) => trustSource(source, trustedPublicKeys)) }),
    ...(flags.quarantine && { quarantineFolder: quarantineFolderOf(new Date()) }),
    onEvent: output.onEvent,
  };
  const verification = verifyStore(store, wanted, options);
  try {
    for await (const finding of verification) await output.onFinding(finding);
  } catch (error) {
    await output.end();
    // What was found before counts.
    context.exitCode = verifyExitCode(verification.summary());
    throw error;
  }
  await output.end(verification.summary());
  context.exitCode = verifyExitCode(verification.summary());
}

async function openAll(uris: readonly string[] = [], open: (uri: string) => Promise<Store>): Promise<Store[]> {
  const stores: Store[] = [];
  for (const uri of uris) stores.push(await open(uri));
  return stores;
}

/** What this machine has in its own store is believed; what a cache says must be signed. */
function trustSource(store: Store, trustedPublicKeys: readonly PublicKey[] | undefined): RepairSource {
  return 'backend' in store ? { store, trustedPublicKeys } : { store };
}

async function choosePaths(
  context: Context,
  store: Store,
  paths: string[],
  flags: Flags,
): Promise<Iterable<StorePath> | 'all'> {
  if (flags.all) return 'all';
  const named = await collectStorePaths(context, store, { paths, stdin: flags.stdin });
  if (!flags.recursive) return named;
  const { computeClosure } = await import('../copy/closure.ts');
  const { infos, errors } = await computeClosure(store, named, { signal: context.signal });
  // Those that cannot be read, or are not there, are to be found.
  return [...infos.keys(), ...errors.keys()];
}
