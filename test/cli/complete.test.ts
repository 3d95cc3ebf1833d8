/** Completion in a real bash, with the script that `narkit complete bash` prints. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { narkitProgram as program } from '../programs.ts';
import { runNarkit } from './run-narkit.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-cli-complete-'));
  const script = (await runNarkit(['complete', 'bash'])).stdout;
  await writeFile(join(directory, 'script'), script);
  await writeFile(join(directory, 'narkit'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  await chmod(join(directory, 'narkit'), 0o755);
});
afterAll(() => rm(directory, { recursive: true }));

/** The words that <TAB> offers at the end of a line. */
function complete(line: string): Promise<string[]> {
  const body = `
source ./script
compopt() { :; }
COMP_LINE=$1 COMP_POINT=\${#1}
read -ra COMP_WORDS <<< "$1"
[[ $1 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
$(complete -p narkit | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return new Promise((resolve, reject) => {
    const env = { PATH: `${directory}:${process.env.PATH}` };
    execFile('bash', ['--norc', '-c', body, 'bash', line], { cwd: directory, env }, (error, stdout, stderr) => {
      if (error || stderr !== '') reject(error ?? new Error(stderr));
      else resolve(stdout.split('\n').filter((word) => word !== ''));
    });
  });
}

test.each([
  ['narkit ', ['copy', 'path-info', 'store', 'hash', 'nar', 'key', 'doctor', 'worker', 'queue', 'complete', 'help']],
  ['narkit cop', ['copy']],
  ['narkit key gen', ['generate-secret']],
  ['narkit key convert', ['convert-secret-to-public']],
  ['narkit queue re', ['retry', 'resume', 'reconcile']],
  ['narkit worker --log-format ', ['text', 'json']],
  ['narkit store ', ['info', 'ls', 'cat', 'sign', 'copy-log', 'verify', 'help']],
  ['narkit nar ', ['pack', 'ls', 'cat', 'unpack', 'help']],
  ['narkit store ls --rec', ['--recursive']],
  ['narkit store cat --che', ['--check']],
  ['narkit copy --sec', ['--secret-key-file']],
  ['narkit copy --no', ['--no-recursive', '--no-check-sigs']],
  ['narkit hash path --algo sh', ['sha1', 'sha256', 'sha512']],
  ['narkit path-info --json-format ', ['1', '2']],
  // Nothing to offer: bash completes file names.
  ['narkit copy ./re', []],
  ['narkit copy --secret-key-file ', []],
])('%s<TAB>', async (line, words) => {
  expect(await complete(line)).toEqual(words);
});

test('file names are left to bash where a path is wanted', async () => {
  expect((await runNarkit(['complete', '--', 'copy', './re'])).stdout).toBe(':0\n');
  expect((await runNarkit(['complete', '--', 'cop'])).stdout.split('\n').at(-2)).toBe(':4');
  expect((await runNarkit(['complete', 'bash'])).stdout).toContain('complete -o default -F __narkit_complete narkit\n');
});

test.each(['zsh', 'fish', 'powershell'])('there is a script for %s', async (shell) => {
  const { exitCode, stdout, stderr } = await runNarkit(['complete', shell]);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toContain('narkit');
});

test('an unknown shell is wrong use', async () => {
  const { exitCode, stdout } = await runNarkit(['complete', 'tcsh']);
  expect([exitCode, stdout]).toEqual([2, '']);
});
