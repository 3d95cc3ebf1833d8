/**
 * `narkit key generate-secret` and `narkit key convert-secret-to-public`, as `nix key`.
 *
 * @module
 */
import { addAbortSignal } from 'node:stream';
import type { Command } from 'commander';
import { type Context, writeOut } from './context.ts';

/** More than this is no key. */
const maximumBytes = 64 * 1024;

/** Add the commands. Like Nix's, they print no newline behind a key. */
export function addKeyCommands(program: Command, context: Context): void {
  const key = program.command('key').description('Make and convert signing keys.');
  key
    .command('generate-secret')
    .description('Make a secret key and write it to standard output. Keep it where no one else can read it.')
    .requiredOption('--key-name <name>', 'name of the key, such as cache.example.org-1')
    .addHelpText(
      'after',
      '\nExample:\n  $ (umask 077; narkit key generate-secret --key-name cache.example.org-1 > key.private)',
    )
    .action(async ({ keyName }: { keyName: string }) => {
      const { formatSecretKey, generateSecretKey } = await import('../signing/index.ts');
      await writeOut(context, formatSecretKey(generateSecretKey(keyName)));
    });
  key
    .command('convert-secret-to-public')
    .description('Read a secret key from standard input and write its public key to standard output.')
    .addHelpText('after', '\nExample:\n  $ narkit key convert-secret-to-public < key.private > key.public')
    .action(async () => {
      const { formatPublicKey, parseSecretKey } = await import('../signing/index.ts');
      await writeOut(context, formatPublicKey(parseSecretKey(await readText(context)).publicKey));
    });
}

async function readText(context: Context): Promise<string> {
  let text = '';
  for await (const chunk of addAbortSignal(context.signal, context.stdin)) {
    text += chunk;
    if (text.length > maximumBytes) break;
  }
  return text;
}
