/**
 * `narkit hash path`, as `nix hash path`.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import { messageOf, NarkitError } from '../errors.ts';
import { formatHash, type Hash, type HashAlgorithm, type HashFormat } from '../hash/hash.ts';
import { type Context, writeOut } from './context.ts';
import { hashAlgorithmOption, hashFormatOption } from './hash-options.ts';

/** Large reads: the hash of a file is bound by them. */
const readBytes = 1024 * 1024;

interface Flags {
  readonly algo: HashAlgorithm;
  readonly format: HashFormat;
  readonly mode: 'nar' | 'flat';
}

/** Add the command. */
export function addHashPathCommand(hash: Command, context: Context): void {
  const command = hash
    .command('path')
    .description('Print the hash of the NAR of each path.')
    .argument('<paths...>', 'files, directories or symlinks')
    .addOption(hashAlgorithmOption('--algo <hash-algo>', 'hash algorithm').default('sha256'))
    .addOption(hashAlgorithmOption('--type <hash-algo>', 'the same as --algo'))
    .addOption(hashFormatOption('--format <hash-format>', 'form of the hash').default('sri'))
    .option('--base16', 'the same as --format base16')
    .option('--base32', 'the same as --format nix32')
    .option('--base64', 'the same as --format base64')
    .option('--sri', 'the same as --format sri')
    .addOption(
      new Option('--mode <mode>', 'hash the NAR, or what is in a file').choices(['nar', 'flat']).default('nar'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ narkit hash path ./result\n  $ narkit hash path --mode flat --base16 ./hello-2.12.tar.gz',
    )
    .action((paths: string[], flags: Flags) => runHashPath(context, paths, flags));
  // The last one given counts, as in Nix.
  command.on('option:type', (algorithm: string) => command.setOptionValue('algo', algorithm));
  for (const [flag, format] of Object.entries({ base16: 'base16', base32: 'nix32', base64: 'base64', sri: 'sri' }))
    command.on(`option:${flag}`, () => command.setOptionValue('format', format));
}

async function runHashPath(context: Context, paths: readonly string[], flags: Flags): Promise<void> {
  for (const path of paths) {
    const hash = await (flags.mode === 'nar' ? hashNar : hashFile)(path, flags.algo, context.signal);
    await writeOut(context, `${formatHash(hash, flags.format, { prefix: false })}\n`);
  }
}

async function hashNar(path: string, algorithm: HashAlgorithm, signal: AbortSignal): Promise<Hash> {
  const { hashPath } = await import('../file-system/hash-path.ts');
  return (await hashPath(path, { algorithm, signal })).hash;
}

async function hashFile(path: string, algorithm: HashAlgorithm, signal: AbortSignal): Promise<Hash> {
  const { createHasher } = await import('../hash/index.ts');
  const hasher = createHasher(algorithm);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes, signal }))
      hasher.update(chunk as Uint8Array);
  } catch (error) {
    signal.throwIfAborted();
    const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR';
    const reason = isDirectory ? "it is a directory, which has a hash in '--mode nar' only" : messageOf(error);
    throw new NarkitError('file-read', `cannot hash the file '${path}': ${reason}`, { cause: error });
  }
  return hasher.digest();
}
