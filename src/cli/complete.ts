/**
 * `narkit complete`: completion for zsh, bash, fish and PowerShell.
 *
 * @module
 */
import type { Command } from 'commander';
import { type Context, writeOut } from './context.ts';

/** Show the command in the help. What does its work is loaded only when it is called: the other commands start faster. */
export function describeCompleteCommand(program: Command): void {
  program
    .command('complete')
    .description('Print a completion script for a shell.')
    .argument('<shell>', 'zsh, bash, fish or powershell')
    .addHelpText(
      'after',
      `
Examples:
  $ source <(narkit complete bash)
  $ narkit complete fish > ~/.config/fish/completions/narkit.fish`,
    );
}

/** Add the command itself, made from all others. */
export async function addCompleteCommand(program: Command, context: Context, shell: string | undefined): Promise<void> {
  const { default: addCompletion } = await import('@bomb.sh/tab/commander');
  const completion = addCompletion(program);
  Object.assign(completion, { complete: printCandidates });
  if (shell === 'bash') program.hook('postAction', () => writeOut(context, bashEpilogue));
}

/**
 * In place of the package's own, which never lets a shell complete file names: where there is nothing else to offer, the word is a path.
 * The line at the end is the directive that its scripts know, 4 for no file names and 0 for the shell's default.
 */
function printCandidates(this: { completions: { value: string; description?: string }[] }, word: string): void {
  const prefix = word.slice(word.indexOf('=') + 1);
  const candidates = new Map<string, string>();
  for (const { value, description = '' } of this.completions)
    if (value.startsWith(prefix) && !candidates.has(value)) candidates.set(value, description);
  const lines = [...candidates].map(([value, description]) => `${value}\t${description}`);
  console.log([...lines, `:${lines.length > 0 ? 4 : 0}`].join('\n'));
}

/** The script of the package wants the package bash-completion, and forgets the shell's default. */
const bashEpilogue = `
declare -F _get_comp_words_by_ref > /dev/null || _get_comp_words_by_ref() {
    cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
}
complete -o default -F __narkit_complete narkit
`;
