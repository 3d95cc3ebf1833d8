/**
 * `narkit nar pack`, as `nix nar pack`.
 *
 * @module
 */
import type { Command } from 'commander';
import { type Context, writeOut } from './context.ts';

/** Add the commands. */
export function addNarCommands(program: Command, context: Context): void {
  const nar = program.command('nar').description('Make Nix archives.');
  nar
    .command('pack')
    .description('Write the NAR of a path to standard output.')
    .argument('<path>', 'a file, directory or symlink')
    .addHelpText('after', '\nExample:\n  $ narkit nar pack ./result > result.nar')
    .action(async (path: string) => {
      const { dumpPath } = await import('../file-system/index.ts');
      for await (const chunk of dumpPath(path, { signal: context.signal })) await writeOut(context, chunk);
    });
}
