/**
 * All commands of `narkit`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Context } from './context.ts';

/** What `narkit` alone says. */
export const shortSummary = `Nix binary caches without Nix: copy, sign and inspect store paths.

  $ narkit copy --to 's3://bucket?region=eu-west-1' --secret-key-file ./key.private ./result
  $ narkit path-info --recursive --closure-size --human-readable ./result

All commands: narkit --help
`;

/** The version of the package. */
function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

type AddCommand = (program: Command, context: Context) => void;

/** All commands, in the order of the help. */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['copy', async () => (await import('./copy.ts')).addCopyCommand],
  ['path-info', async () => (await import('./path-info.ts')).addPathInfoCommand],
  ['store', async () => (await import('./store.ts')).addStoreCommands],
  ['hash', async () => (await import('./hash.ts')).addHashCommands],
  ['nar', async () => (await import('./nar.ts')).addNarCommands],
  ['key', async () => (await import('./key.ts')).addKeyCommands],
  ['doctor', async () => (await import('./doctor/doctor.ts')).addDoctorCommand],
  ['worker', async () => (await import('./worker.ts')).addWorkerCommand],
  ['queue', async () => (await import('./queue.ts')).addQueueCommands],
]);

/**
 * The command line, ready to parse. It never ends the process: it throws commander's errors.
 *
 * It has the command `name` alone, which starts faster, all where there is none of that name, and none to print the version.
 */
export async function createProgram(context: Context, name: string): Promise<Command> {
  const program = new Command('narkit');
  program
    .description('Nix binary caches without Nix: copy, sign and inspect store paths.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'Print the help of a command.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .addHelpText(
      'after',
      `
Examples:
  $ narkit copy --to file:///mnt/cache ./result
  $ narkit key generate-secret --key-name cache.example.org-1 > key.private`,
    );
  for (const load of commandsFor(name)) (await load())(program, context);
  return program;
}

function commandsFor(name: string): Iterable<() => Promise<AddCommand>> {
  if (name === '--version' || name === '-V') return [];
  const named = commands.get(name);
  return named === undefined ? commands.values() : [named];
}

/** Let every command say where its own help is, in the words of all others. */
export function finishHelp(command: Command, parents = ''): void {
  const name = `${parents}${command.name()}`;
  command.showHelpAfterError(`(see '${name} --help')`);
  for (const child of command.commands) {
    // `path-info` has `-h` for sizes, as Nix has.
    const short = child.options.some(({ short }) => short === '-h') ? '' : '-h, ';
    child.helpOption(`${short}--help`, 'print this help');
    if (child.commands.length > 0) child.helpCommand('help [command]', 'Print the help of a command.');
    finishHelp(child, `${name} `);
  }
}
