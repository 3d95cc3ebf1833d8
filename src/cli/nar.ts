/**
 * `narkit nar pack`, `ls` and `cat`, as `nix nar`; `unpack`, as `nix-store --restore`.
 *
 * @module
 */
import type { Command } from 'commander';
import { type Context, writeOut } from './context.ts';
import { addListingOptions, checkListingFlags, type ListingFlags, printListing } from './listing-output.ts';
import { readNarInput } from './nar-input.ts';

const narArgument = "file of a NAR, '-' for standard input";

/** Add the commands. */
export function addNarCommands(program: Command, context: Context): void {
  const nar = program.command('nar').description('Make and read Nix archives.');
  nar
    .command('pack')
    .description('Write the NAR of a path to standard output.')
    .argument('<path>', 'a file, directory or symlink')
    .addHelpText('after', '\nExample:\n  $ narkit nar pack ./result > result.nar')
    .action(async (path: string) => {
      const { dumpPath } = await import('../file-system/index.ts');
      for await (const chunk of dumpPath(path, { signal: context.signal })) await writeOut(context, chunk);
    });
  addListingOptions(
    nar
      .command('ls')
      .description('Print what a NAR has at a path.')
      .argument('<nar>', narArgument)
      .argument('[path]', 'path inside of the NAR', '/'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ narkit nar ls -lR ./hello.nar\n  $ zstd -dc hello.nar.zst | narkit nar ls --json - /bin',
    )
    .action(async (file: string, path: string, flags: ListingFlags) => {
      checkListingFlags(flags);
      const { listNar } = await import('../nar/read-file.ts');
      await printListing(context, await listNar(readNarInput(context, file)), path, flags);
    });
  nar
    .command('cat')
    .description('Write the contents of a file in a NAR to standard output.')
    .argument('<nar>', narArgument)
    .argument('<path>', 'path inside of the NAR')
    .addHelpText('after', '\nExample:\n  $ narkit nar cat ./hello.nar /share/man/man1/hello.1.gz | gunzip')
    .action(async (file: string, path: string) => {
      const { readNarFile } = await import('../nar/read-file.ts');
      const { signal } = context;
      for await (const chunk of readNarFile(readNarInput(context, file), path, { signal }))
        await writeOut(context, chunk);
    });
  nar
    .command('unpack')
    .description('Restore a NAR to a path that does not exist yet.')
    .argument('<nar>', narArgument)
    .argument('<path>', 'where what is in it goes')
    .addHelpText('after', '\nExample:\n  $ narkit nar unpack ./hello.nar ./hello')
    .action(async (file: string, path: string) => {
      const { restorePath } = await import('../file-system/index.ts');
      await restorePath(readNarInput(context, file), path, { signal: context.signal });
    });
}
