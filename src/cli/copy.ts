/**
 * `narkit copy`: as `nix copy`, with keys to sign with and upstream keys to leave out.
 *
 * @module
 */
import type { Command } from 'commander';
import type { SecretKey } from '../signing/index.ts';
import type { Store, WritableStore } from '../store/store.ts';
import { type Context, exitCode, storeOptions, UsageError, warn } from './context.ts';
import { createCopyOutput, formatSummary } from './copy-output.ts';
import { collectStorePaths } from './store-path-argument.ts';
import { findTrustedPublicKeys } from './trusted-public-keys.ts';

interface Flags {
  readonly from?: string;
  readonly to?: string;
  readonly recursive: boolean;
  readonly stdin?: boolean;
  readonly all?: boolean;
  readonly secretKeyFile?: readonly string[];
  readonly skipSignedBy?: readonly string[];
  readonly checkSigs: boolean;
  readonly trustedPublicKeys?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

const append = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

/** Add the command. */
export function addCopyCommand(program: Command, context: Context): void {
  program
    .command('copy')
    .summary('Copy paths between Nix stores.')
    .description('Copy store paths with all that they refer to from one store to another, and sign them.')
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--from <store-uri>', 'the store to copy from (default: the local Nix)')
    .option('--to <store-uri>', 'the store to copy to (default: the local Nix)')
    .option('--no-recursive', 'copy the paths only, not their closure')
    .option('--stdin', 'read paths from standard input, too')
    .option('--all', 'copy all paths of the store')
    .option('--secret-key-file <file>', 'sign with this key (may be repeated)', append)
    .option('--skip-signed-by <name>', 'leave out what the key of this name signed (may be repeated)', append)
    .option('--no-check-sigs', 'take what no trusted key signed, and have the daemon take it')
    .option('--trusted-public-keys <keys>', 'whom to trust (default: as nix.conf says)', append)
    .option('--json', 'print a line of JSON for each path')
    .option('-q, --quiet', 'no progress and no summary')
    .option('-v, --verbose', 'say what became of each path')
    .addHelpText(
      'after',
      `
Examples:
  $ narkit copy --to file:///mnt/cache ./result
  $ narkit copy --to 's3://bucket?region=eu-west-1' --secret-key-file ./key.private ./result
  $ narkit copy --from https://cache.example.org --to tree:./out /nix/store/…-hello-2.12`,
    )
    .action((paths: string[], flags: Flags) => runCopy(context, paths, flags));
}

async function runCopy(context: Context, paths: string[], flags: Flags): Promise<void> {
  if (flags.from === undefined && flags.to === undefined)
    throw new UsageError("name where to copy to with '--to', or where from with '--from'");
  // Keys are read first: a mistyped path must not be found out after an upload.
  const secretKeys = await readSecretKeys(context, flags.secretKeyFile ?? []);
  const { openStore } = await import('../store/open-store.ts');
  const { openWritableStore } = await import('../store/open-writable-store.ts');
  const from = await openStore(flags.from ?? 'auto', storeOptions(context));
  try {
    const dontCheckSigs = !flags.checkSigs;
    const to = await openWritableStore(flags.to ?? 'daemon', { ...storeOptions(context), dontCheckSigs });
    try {
      await copyPaths(context, from, to, paths, flags, secretKeys);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function copyPaths(
  context: Context,
  from: Store,
  to: WritableStore,
  paths: string[],
  flags: Flags,
  secretKeys: SecretKey[],
): Promise<void> {
  const { json = false, quiet = false, verbose = false, recursive, skipSignedBy } = flags;
  const { copy } = await import('../copy/copy.ts');
  const wanted = await collectStorePaths(context, from, { paths, stdin: flags.stdin, all: flags.all });
  const trustedPublicKeys = flags.checkSigs
    ? await findTrustedPublicKeys(context, from, to, flags.trustedPublicKeys)
    : undefined;
  const output = createCopyOutput(context, { storeDir: from.storeDir, json, quiet, verbose });
  const { signal } = context;
  const { onEvent } = output;
  const copying = copy(from, to, wanted, { recursive, secretKeys, skipSignedBy, trustedPublicKeys, signal, onEvent });
  const result = await copying.finally(() => output.end());
  if (!quiet) context.stderr.write(`${formatSummary(result, to.uri)}\n`);
  if (result.failed > 0) context.exitCode = exitCode.failure;
}

async function readSecretKeys(context: Context, files: readonly string[]): Promise<SecretKey[]> {
  if (files.length === 0) return [];
  const { readSecretKeyFile } = await import('../config/key-file.ts');
  const onWarning = (message: string): void => warn(context, message);
  return Promise.all(files.map((file) => readSecretKeyFile(file, { onWarning })));
}
