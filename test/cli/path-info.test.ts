/** `narkit path-info` and `narkit store copy-log`, byte for byte beside real Nix. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { runNarkit } from './run-narkit.ts';

/** A diamond that refers to itself, whose order by name is not that by reference. */
const expression = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    };
    first = make "first" "echo one; echo first > $out";
    left = make "left" "echo \${first} $out > $out";
    right = make "right" "echo \${first} > $out";
  in make "top" "echo building; echo \${left} \${right} > $out"`;

/** PATHS are those of the closure, and of what was added; ABSENT is valid nowhere. */
const lines = [
  'TOP',
  'TOP TOP FIRST ADDED',
  '-r TOP',
  '-s TOP ADDED',
  '-S TOP ADDED',
  '-rsSh --sigs TOP ADDED',
  '--recursive --size --closure-size --human-readable TOP',
  '--sigs TOP ADDED',
  '--json --json-format 1 TOP ADDED',
  '--json --json-format 1 -S TOP ADDED ABSENT',
  '--json --json-format 1 -rsS TOP',
  '--json --json-format 2 -r -S TOP ADDED',
  '--json --json-format 2 ABSENT',
  '--json --json-format 1 --pretty -r TOP ADDED ABSENT',
  '--json --json-format 1 --no-pretty TOP',
  '--json TOP',
  'ABSENT',
  'TOP ABSENT',
  'ABSENT FIRST TOP',
  '-r TOP ABSENT',
  '--json -r ABSENT',
  '--all --json --json-format 2',
  './result',
  './chain/inside',
  'TOP/file/that/is/not/there',
  './absent',
  '/etc/passwd',
];

describePeer(['nix-2.34', 'nginx'], 'path-info', () => {
  let daemon: NixDaemon;
  let directory: string;
  let names: Record<string, string>;
  let stores: Record<string, string>;

  beforeAll(async () => {
    daemon = await startNixDaemon(nix('2.34')!);
    directory = await mkdtemp(join(tmpdir(), 'narkit-cli-path-info-'));
    const { place } = daemon;
    const top = (await daemon.build(expression))[0]!;
    const closure = (await place.run('nix-store', ['--query', '--requisites', top])).stdout.toString().split('\n');
    await mkdir(join(directory, 'tree'));
    await writeFile(join(directory, 'tree/file'), 'x'.repeat(5000));
    const added = (await place.run('nix', ['store', 'add-path', '--name', 'added', `${directory}/tree`])).stdout;
    names = {
      TOP: top,
      FIRST: closure.find((path) => path.endsWith('-first'))!,
      ADDED: added.toString().trim(),
      ABSENT: `${place.storeDir}/${'z'.repeat(32)}-absent`,
    };
    await symlink(top, join(directory, 'result'));
    await symlink(names.ADDED!, join(directory, 'added'));
    await symlink('added', join(directory, 'chain'));
    await symlink(top, join(directory, 'tree/inside'));

    const key = (await runNarkit(['key', 'generate-secret', '--key-name', 'cache-1'])).stdout;
    await writeFile(join(directory, 'key'), key, { mode: 0o600 });
    await place.run('nix', ['store', 'sign', '--key-file', join(directory, 'key'), names.FIRST!]);
    const cache = `file://${directory}/cache`;
    await place.run('nix', ['copy', '--to', `${cache}?secret-key=${directory}/key`, top, names.ADDED!]);
    stores = { daemon: `unix://${daemon.socketPath}`, file: cache };
  });
  afterAll(async () => {
    await daemon?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function expectSame(line: string, store: string): Promise<void> {
    const words = line.split(' ').map((word) => word.replace(/^[A-Z]{3,}/, (name) => names[name]!));
    const args = ['path-info', '--store', store, ...words];
    const { place } = daemon;
    const [theirs, ours] = await Promise.all([
      place.run('/usr/bin/env', ['-C', directory, join(place.nix.bin, 'nix'), ...args], { mayFail: true }),
      runNarkit(args, { cwd: directory, env: place.env }),
    ]);
    expect(ours).toMatchObject({ exitCode: theirs.exitCode, stdout: theirs.stdout.toString() });
    expect(ours.stderr.startsWith('error: ')).toBe(theirs.exitCode !== 0);
  }

  describe('of the daemon', () => {
    test.each([...lines, '--all', '--all -s'])('%s', (line) => expectSame(line, stores.daemon!));
  });

  describe('of a cache in files', () => {
    test.each(lines)('%s', (line) => expectSame(line, stores.file!));
  });

  test('of a cache behind a server', async () => {
    const server = await startNginx({ root: join(directory, 'cache') });
    try {
      for (const line of ['-rsSh --sigs TOP', '--json --json-format 1 -S TOP ABSENT', 'ABSENT'])
        await expectSame(line, server.url);
    } finally {
      await server.stop();
    }
  });

  test('of a bare tree: what can be known of it', async () => {
    const { place } = daemon;
    const args = ['path-info', '-rs', names.TOP!];
    const theirs = await place.run('nix', [...args, '--store', stores.daemon!]);
    const ours = await runNarkit([...args, '--store', `tree:${place.realStoreDir}`], { env: place.env });
    expect(ours).toMatchObject({ exitCode: 0, stdout: theirs.stdout.toString() });
  });

  test('paths from standard input', async () => {
    const args = ['path-info', '--store', stores.file!, '--stdin'];
    const input = `${names.TOP}\n\n  ${basename(names.FIRST!)} ${names.ADDED}\n`;
    const { exitCode, stdout } = await runNarkit(args, { env: daemon.place.env, input });
    expect([exitCode, stdout.trim().split('\n').sort()]).toEqual([0, [names.TOP, names.FIRST, names.ADDED].sort()]);
  });

  test('store copy-log copies what nix store copy-log copies', async () => {
    const { place } = daemon;
    const { stdout } = await place.run('nix-store', ['--query', '--deriver', names.TOP!]);
    const log = join('log', basename(stdout.toString().trim()));
    const from = ['--from', stores.daemon!];
    await daemon.run('nix', ['store', 'copy-log', '--to', `file://${directory}/theirs`, names.TOP!]);
    const copyLog = ['store', 'copy-log', ...from, '--to', `file://${directory}/ours`];
    expect(await runNarkit([...copyLog, names.TOP!], { env: place.env })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await readFile(join(directory, 'ours', log), 'utf8')).toBe(
      await readFile(join(directory, 'theirs', log), 'utf8'),
    );
    const { exitCode, stderr } = await runNarkit([...copyLog, names.ADDED!], { env: place.env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`there is no build log of '${names.ADDED}'`);
  });
});
