/**
 * `narkit copy`: as `nix copy`, with keys to sign with and upstream keys to leave out.
 *
 * @module
 */
import type { Command } from 'commander';
import type { CopyEvent, CopyOutcome, CopyResult } from '../copy/index.ts';
import { formatHash } from '../hash/index.ts';
import type { SecretKey } from '../signing/index.ts';
import { formatStorePath } from '../store-path.ts';
import { type Context, exitCode, printError, storeOptions, UsageError, warn, writeOut } from './context.ts';
import { formatBytes } from './format-bytes.ts';
import { createProgressLine } from './progress-line.ts';
import { collectStorePaths } from './store-path-argument.ts';

interface Flags {
  readonly from?: string;
  readonly to?: string;
  readonly recursive: boolean;
  readonly stdin?: boolean;
  readonly all?: boolean;
  readonly secretKeyFile: string[];
  readonly skipSignedBy: string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const append = (value: string, values: string[]): string[] => [...values, value];

/** Add the command. */
export function addCopyCommand(program: Command, context: Context): void {
  program
    .command('copy')
    .summary('copy paths between Nix stores')
    .description('Copy store paths with all that they refer to from one store to another, and sign them.')
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--from <store-uri>', 'the store to copy from (default: the local Nix)')
    .option('--to <store-uri>', 'the store to copy to')
    .option('--no-recursive', 'copy the paths only, not their closure')
    .option('--stdin', 'read paths from standard input, too')
    .option('--all', 'copy all paths of the store')
    .option('--secret-key-file <file>', 'sign with this key (may be repeated)', append, [])
    .option('--skip-signed-by <name>', 'leave out what the key of this name signed (may be repeated)', append, [])
    .option('--json', 'print a line of JSON for each path')
    .option('-q, --quiet', 'no progress and no summary')
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
  const secretKeys = await readSecretKeys(context, flags.secretKeyFile);
  const { openStore, openWritableStore } = await import('../store/index.ts');
  const from = await openStore(flags.from ?? 'auto', storeOptions(context));
  try {
    const to = await openWritableStore(flags.to ?? 'daemon', storeOptions(context));
    try {
      const { copy } = await import('../copy/index.ts');
      const { signal } = context;
      const wanted = await collectStorePaths(context, from, { paths, stdin: flags.stdin, all: flags.all });
      const progress = createProgressLine(context, flags.quiet === true);
      const onEvent = (event: CopyEvent): void => {
        progress.onEvent(event);
        if (event.type === 'warning')
          progress.above(() => warn(context, `${formatStorePath(event.path, from.storeDir)}: ${event.message}`));
        if (event.type !== 'outcome') return;
        if (flags.json) context.stdout.write(`${formatOutcome(event.outcome, from.storeDir)}\n`);
        else if (event.outcome.error !== undefined)
          progress.above(() => printError(context, event.outcome.error?.message ?? ''));
      };
      const { recursive, skipSignedBy } = flags;
      let result: CopyResult;
      try {
        result = await copy(from, to, wanted, { recursive, secretKeys, skipSignedBy, signal, onEvent });
      } finally {
        progress.end();
      }
      if (flags.json) await writeOut(context, '');
      if (!flags.quiet) context.stderr.write(`${formatSummary(result, to.uri)}\n`);
      if (result.failed > 0) context.exitCode = exitCode.failure;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function readSecretKeys(context: Context, files: readonly string[]): Promise<SecretKey[]> {
  if (files.length === 0) return [];
  const { readSecretKeyFile } = await import('../config/index.ts');
  const onWarning = (message: string): void => warn(context, message);
  return Promise.all(files.map((file) => readSecretKeyFile(file, { onWarning })));
}

/** The names and forms of `nix path-info --json` where it has the field. */
function formatOutcome(outcome: CopyOutcome, storeDir: string): string {
  const { narHash, fileHash, error } = outcome;
  return JSON.stringify({
    path: formatStorePath(outcome.path, storeDir),
    outcome: outcome.outcome,
    narHash: narHash && formatHash(narHash, 'sri'),
    narSize: outcome.narSize,
    url: outcome.url,
    fileHash: fileHash && formatHash(fileHash, 'sri'),
    fileSize: outcome.fileSize,
    error: error?.message,
  });
}

function formatSummary(result: CopyResult, uri: string): string {
  const counts = [
    `${result.copied} copied (${formatBytes(result.narBytes)})`,
    `${result.present} present`,
    ...(result.skipped > 0 ? [`${result.skipped} skipped`] : []),
    ...(result.failed > 0 ? [`${result.failed} failed`] : []),
  ];
  return `${uri}: ${counts.join(', ')}`;
}
