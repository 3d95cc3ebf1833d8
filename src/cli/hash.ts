/**
 * `narkit hash path` and `narkit hash convert`, as `nix hash`.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import {
  createHasher,
  formatHash,
  type Hash,
  type HashAlgorithm,
  type HashFormat,
  hashAlgorithms,
  hashFormats,
  parseHashWithFormat,
} from '../hash/index.ts';
import { type Context, UsageError, writeOut } from './context.ts';

/** Large reads: the hash of a file is bound by them. */
const readBytes = 1024 * 1024;

interface PathFlags {
  readonly algo: HashAlgorithm;
  readonly type?: HashAlgorithm;
  readonly format: HashFormat;
  readonly base16?: boolean;
  readonly base32?: boolean;
  readonly base64?: boolean;
  readonly sri?: boolean;
  readonly mode: 'nar' | 'flat';
}

interface ConvertFlags {
  readonly hashAlgo?: HashAlgorithm;
  readonly from?: HashFormat;
  readonly to: HashFormat;
}

/** Add the commands. */
export function addHashCommands(program: Command, context: Context): void {
  const hash = program.command('hash').description('Compute and convert hashes.');
  hash
    .command('path')
    .description('Print the hash of the NAR of each path.')
    .argument('<paths...>', 'files or directories')
    .addOption(new Option('--algo <hash-algo>', 'hash algorithm').choices(hashAlgorithms).default('sha256'))
    .addOption(new Option('--type <hash-algo>', 'the same as --algo').choices(hashAlgorithms))
    .addOption(new Option('--format <hash-format>', 'form of the hash').choices(hashFormats).default('sri'))
    .option('--base16', 'the same as --format base16')
    .option('--base32', 'the same as --format nix32')
    .option('--base64', 'the same as --format base64')
    .option('--sri', 'the same as --format sri')
    .addOption(
      new Option('--mode <mode>', 'hash the NAR, or what is in a file').choices(['nar', 'flat']).default('nar'),
    )
    .addHelpText('after', '\nExample:\n  $ narkit hash path ./result')
    .action(async (paths: string[], flags: PathFlags) => {
      for (const path of paths) {
        const value = await hashPath(path, flags.type ?? flags.algo, flags.mode, context.signal);
        await writeOut(context, `${formatHash(value, formatOf(flags), { prefix: false })}\n`);
      }
    });
  hash
    .command('convert')
    .description('Convert hashes between their forms.')
    .argument('<hashes...>', 'hashes in any form')
    .addOption(
      new Option('--hash-algo <hash-algo>', 'hash algorithm, where the hash does not say').choices(hashAlgorithms),
    )
    .addOption(new Option('--from <hash-format>', 'refuse hashes of another form').choices(hashFormats))
    .addOption(new Option('--to <hash-format>', 'form to print').choices(hashFormats).default('sri'))
    .addHelpText(
      'after',
      '\nExample:\n  $ narkit hash convert --hash-algo sha256 --to sri 09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm',
    )
    .action(async (hashes: string[], flags: ConvertFlags) => {
      for (const text of hashes) {
        const { hash: value, format } = parseHashWithFormat(text, flags.hashAlgo);
        if (flags.from !== undefined && format !== flags.from)
          throw new UsageError(`input hash '${text}' has format '${format}', but '--from ${flags.from}' was specified`);
        await writeOut(context, `${formatHash(value, flags.to, { prefix: false })}\n`);
      }
    });
}

function formatOf(flags: PathFlags): HashFormat {
  if (flags.base16) return 'base16';
  if (flags.base32) return 'nix32';
  if (flags.base64) return 'base64';
  return flags.sri ? 'sri' : flags.format;
}

async function hashPath(
  path: string,
  algorithm: HashAlgorithm,
  mode: PathFlags['mode'],
  signal: AbortSignal,
): Promise<Hash> {
  const hasher = createHasher(algorithm);
  const { dumpPath } = await import('../file-system/index.ts');
  const contents =
    mode === 'nar' ? dumpPath(path, { signal }) : createReadStream(path, { highWaterMark: readBytes, signal });
  for await (const chunk of contents) hasher.update(chunk as Uint8Array);
  return hasher.digest();
}
