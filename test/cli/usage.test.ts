/** Help, exit codes, and what a mistyped command line is told. */
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { runNarkit } from './run-narkit.ts';

const commands = [
  'copy',
  'path-info',
  'store',
  'store info',
  'store ls',
  'store cat',
  'store sign',
  'store copy-log',
  'store verify',
  'hash',
  'hash path',
  'hash convert',
  'nar',
  'nar pack',
  'nar ls',
  'nar cat',
  'nar unpack',
  'key',
  'key generate-secret',
  'key convert-secret-to-public',
  'doctor',
  'worker',
  'queue',
  'queue status',
  'queue list',
  'queue wait',
  'queue retry',
  'queue drop',
  'queue pause',
  'queue resume',
  'queue add',
  'queue reconcile',
  'complete',
];
const groups = ['store', 'hash', 'nar', 'key', 'queue'];

test('alone, it says what it is for', async () => {
  const { exitCode, stdout, stderr } = await runNarkit([]);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain('$ narkit copy');
  expect(stderr).toContain('narkit --help');
  expect(stderr.split('\n').length).toBeLessThan(10);
});

test('--version is that of the package', async () => {
  expect(await runNarkit(['--version'])).toMatchObject({ exitCode: 0, stdout: `${packageJson.version}\n` });
});

test.each(['', ...commands])('narkit %s --help', async (command) => {
  const words = command.split(' ').filter((word) => word !== '');
  const { exitCode, stdout, stderr } = await runNarkit([...words, '--help']);
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`Usage: ${['narkit', ...words].join(' ')} `);
  expect(stdout).toContain('--help');
  expect(stdout).toContain(groups.includes(command) ? 'Commands:' : 'Example');
  expect(stdout).toContain(groups.includes(command) ? 'Commands:' : '$ ');
  expect(stdout).not.toContain('default: []');
});

test.each([
  ['cop', "error: unknown command 'cop'\n(Did you mean copy?)\n(see 'narkit --help')\n"],
  ['hash pth', "error: unknown command 'pth'\n(Did you mean path?)\n(see 'narkit hash --help')\n"],
  ['copy --jsn', "error: unknown option '--jsn'\n(Did you mean --json?)\n(see 'narkit copy --help')\n"],
  ['copy --to', "error: option '--to <store-uri>' argument missing\n(see 'narkit copy --help')\n"],
  ['hash path', "error: missing required argument 'paths'\n(see 'narkit hash path --help')\n"],
  [
    'nar pack a b',
    "error: too many arguments for 'pack'. Expected 1 argument but got 2.\n(see 'narkit nar pack --help')\n",
  ],
  ['hash path --format xx a', /argument 'xx' is invalid. Allowed choices are .*nix32/],
  ['path-info --json-format 3 a', /argument '3' is invalid. Allowed choices are 1, 2/],
  ['key generate-secret', /required option '--key-name <name>' not specified/],
  ['path-info', "error: name at least one store path, or use '--stdin' or '--all'\n"],
  ['path-info --all ./result', /'--all' takes no paths besides/],
  ['copy ./result', "error: name where to copy to with '--to', or where from with '--from'\n"],
  ['store sign ./result', "error: name the secret key with '--key-file'\n"],
  ['store ls -d --json ./result', "error: '--directory' is useless with '--json'\n"],
  ['store copy-log ./result', "error: name where to copy to with '--to'\n"],
])('narkit %s is wrong use', async (line, message) => {
  const { exitCode, stdout, stderr } = await runNarkit(line.split(' '), { env: { NIX_REMOTE: 'tree:/' } });
  expect([exitCode, stdout]).toEqual([2, '']);
  if (typeof message === 'string') expect(stderr).toBe(message);
  else expect(stderr).toMatch(message);
});
