/**
 * `narkit complete`: completion for zsh, bash, fish and PowerShell.
 *
 * @module
 */
import type { Command } from 'commander';

/** Show the command in the help. What does its work is loaded only when it is called: the other commands start faster. */
export function describeCompleteCommand(program: Command): void {
  program
    .command('complete')
    .description('Print a completion script for a shell.')
    .argument('<shell>', 'zsh, bash, fish or powershell')
    .addHelpText('after', '\nExample:\n  $ source <(narkit complete bash)');
}

/** Add the command itself, made from all others. */
export async function addCompleteCommand(program: Command): Promise<void> {
  const { default: addCompletion } = await import('@bomb.sh/tab/commander');
  addCompletion(program);
}
