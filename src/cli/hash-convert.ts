/**
 * `narkit hash convert`, as `nix hash convert`.
 *
 * @module
 */
import type { Command } from 'commander';
import { formatHash, type HashAlgorithm, HashError, type HashFormat, parseHashWithFormat } from '../hash/hash.ts';
import { type Context, writeOut } from './context.ts';
import { hashAlgorithmOption, hashFormatOption } from './hash-options.ts';

interface Flags {
  readonly hashAlgo?: HashAlgorithm;
  readonly from?: HashFormat;
  readonly to: HashFormat;
}

/** Add the command. */
export function addHashConvertCommand(hash: Command, context: Context): void {
  hash
    .command('convert')
    .description('Convert hashes between their forms.')
    .argument('<hashes...>', 'hashes in any form')
    .addOption(hashAlgorithmOption('--hash-algo <hash-algo>', 'hash algorithm, where the hash does not say'))
    .addOption(hashFormatOption('--from <hash-format>', 'refuse hashes of another form'))
    .addOption(hashFormatOption('--to <hash-format>', 'form to print').default('sri'))
    .addHelpText(
      'after',
      `
Examples:
  $ narkit hash convert --hash-algo sha256 09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm
  $ narkit hash convert --to nix32 sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=`,
    )
    .action((hashes: string[], flags: Flags) => runHashConvert(context, hashes, flags));
}

async function runHashConvert(context: Context, hashes: readonly string[], flags: Flags): Promise<void> {
  for (const text of hashes) {
    const { hash, format } = parseHashWithFormat(text, flags.hashAlgo);
    if (flags.from !== undefined && format !== flags.from)
      throw new HashError(
        text,
        `input hash '${text}' has format '${format}', but '--from ${flags.from}' was specified`,
      );
    await writeOut(context, `${formatHash(hash, flags.to, { prefix: false })}\n`);
  }
}
