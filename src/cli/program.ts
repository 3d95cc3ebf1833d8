/**
 * All commands of `narkit`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Context } from './context.ts';
import { addCopyCommand } from './copy.ts';
import { addHashCommands } from './hash.ts';
import { addKeyCommands } from './key.ts';
import { addNarCommands } from './nar.ts';
import { addPathInfoCommand } from './path-info.ts';
import { addStoreCommands } from './store.ts';

/** The version of the package. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The command line, ready to parse. It never ends the process: it throws commander's errors. */
export function createProgram(context: Context): Command {
  const program = new Command('narkit');
  program
    .description('Nix binary caches without Nix: copy, sign and inspect store paths.')
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError("(see 'narkit --help')")
    .addHelpText(
      'after',
      `
Examples:
  $ narkit copy --to file:///mnt/cache ./result
  $ narkit key generate-secret --key-name cache.example.org-1 > key.private`,
    );
  addCopyCommand(program, context);
  addPathInfoCommand(program, context);
  addStoreCommands(program, context);
  addHashCommands(program, context);
  addNarCommands(program, context);
  addKeyCommands(program, context);
  return program;
}
