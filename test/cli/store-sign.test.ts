/** `narkit store sign` and `narkit store info`, beside real Nix. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { fixtureStore, type NarkitOptions, type NarkitResult, runNarkit } from './run-narkit.ts';

const expression = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    };
    lower = make "lower" "echo lower > $out";
  in make "upper" "echo \${lower} > $out"`;

describePeer(['nix-2.34', 'nginx'], 'store sign and info', () => {
  let daemon: NixDaemon;
  let directory: string;
  let upper: string;
  let daemonUri: string;
  let publicKey: string;
  /** Signs with this key. */
  let key: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-cli-store-sign-'));
    daemon = await startNixDaemon(nix('2.34')!);
    daemonUri = `unix://${daemon.socketPath}`;
    upper = (await daemon.build(expression))[0]!;
    key = join(directory, 'key');
    const text = (await runNarkit(['key', 'generate-secret', '--key-name', 'mine-1'])).stdout;
    publicKey = (await runNarkit(['key', 'convert-secret-to-public'], { input: text })).stdout;
    await writeFile(key, text, { mode: 0o600 });
    await daemon.place.run('nix', ['copy', '--to', `file://${directory}/unsigned`, upper]);
  });
  afterAll(async () => {
    await daemon?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const narkit = (args: readonly string[], options: NarkitOptions = {}): Promise<NarkitResult> =>
    runNarkit(args, { env: daemon.place.env, cwd: directory, ...options });

  async function copyOfCache(name: string): Promise<string> {
    await cp(join(directory, 'unsigned'), join(directory, name), { recursive: true });
    return `file://${directory}/${name}`;
  }

  async function narInfosOf(name: string): Promise<Record<string, string>> {
    const files = (await readdir(join(directory, name))).filter((file) => file.endsWith('.narinfo'));
    return Object.fromEntries(
      await Promise.all(files.map(async (file) => [file, await readFile(join(directory, name, file), 'utf8')])),
    );
  }

  describe('sign', () => {
    test.each([['UPPER'], ['-r', 'UPPER'], ['--all']])('%s %s of a cache, as Nix does', async (...words) => {
      const name = words.join('');
      const [theirs, ours] = await Promise.all([copyOfCache(`theirs${name}`), copyOfCache(`ours${name}`)]);
      const args = words.map((word) => word.replace('UPPER', upper));
      for (const _ of ['the first time', 'again']) {
        const expected = await daemon.place.run('nix', ['store', 'sign', '--store', theirs, '-k', key, ...args]);
        const signed = await narkit(['store', 'sign', '--store', ours, '-k', key, ...args]);
        expect(signed).toMatchObject({ exitCode: 0, stdout: '', stderr: expected.stderr });
        expect(await narInfosOf(`ours${name}`)).toEqual(await narInfosOf(`theirs${name}`));
      }
    });

    test('of the local Nix, through its daemon', async () => {
      const args = ['store', 'sign', '--store', daemonUri, '--secret-key-file', key];
      expect(await narkit([...args, upper])).toMatchObject({ exitCode: 0, stderr: 'added 1 signatures\n' });
      expect(await narkit([...args, '--recursive', upper])).toMatchObject({ stderr: 'added 1 signatures\n' });
      const input = `${upper}\n`;
      expect(await narkit([...args, '--stdin'], { input })).toMatchObject({ stderr: 'added 0 signatures\n' });
      const verify = ['store', 'verify', '-r', '--no-contents', '--sigs-needed', '1', upper];
      const trusting = ['--option', 'trusted-public-keys', publicKey];
      expect((await daemon.place.run('nix', [...verify, ...trusting], { mayFail: true })).stderr).not.toContain(
        'untrusted',
      );
    });

    test('with several keys', async () => {
      const cache = await copyOfCache('several');
      const second = (await runNarkit(['key', 'generate-secret', '--key-name', 'second-1'])).stdout;
      await writeFile(join(directory, 'second'), second, { mode: 0o600 });
      const args = ['store', 'sign', '--store', cache, '-k', key, '-k', './second', '--all'];
      expect(await narkit(args)).toMatchObject({ exitCode: 0, stderr: 'added 4 signatures\n' });
    });

    test('what cannot be signed', async () => {
      const cache = await copyOfCache('refused');
      const before = await narInfosOf('refused');
      expect(await narkit(['store', 'sign', '--store', cache, upper])).toMatchObject({
        exitCode: 2,
        stderr: "error: name the secret key with '--key-file'\n",
      });
      expect(await narkit(['store', 'sign', '--store', cache, '-k', './absent', upper])).toMatchObject({ exitCode: 1 });
      expect(await narInfosOf('refused')).toEqual(before);
      const absent = `${daemon.place.storeDir}/${'z'.repeat(32)}-absent`;
      expect(await narkit(['store', 'sign', '--store', cache, '-k', key, absent, upper])).toMatchObject({
        exitCode: 1,
        stderr: `error: path '${absent}' is not valid in '${cache}'\nadded 1 signatures\n`,
      });
      const tree = await runNarkit(['store', 'sign', '--store', fixtureStore, '-k', key, '--all']);
      expect(tree).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('keeps no signatures') });
    });
  });

  describe('info', () => {
    async function expectSame(store: string): Promise<void> {
      const args = ['store', 'info', '--store', store];
      const theirs = await daemon.place.run('nix', args);
      expect(await narkit(args)).toMatchObject({ exitCode: 0, stdout: '', stderr: theirs.stderr });
      const theirJson = JSON.parse((await daemon.place.run('nix', [...args, '--json'])).stdout.toString()) as object;
      const ours = await narkit([...args, '--json']);
      expect(ours).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse(ours.stdout)).toMatchObject(theirJson);
      expect(JSON.parse((await narkit([...args, '--json', '--pretty'])).stdout)).toEqual(JSON.parse(ours.stdout));
    }

    test('of the daemon', async () => {
      await expectSame(daemonUri);
      const env = { ...daemon.place.env, NIX_DAEMON_SOCKET_PATH: daemon.socketPath };
      const { stderr } = await daemon.run('nix', ['store', 'info', '--store', 'daemon']);
      expect(await narkit(['store', 'info'], { env })).toMatchObject({ exitCode: 0, stderr });
    });

    test('of a cache in files', async () => {
      await copyOfCache('info');
      const { storeDir } = daemon.place;
      await writeFile(
        join(directory, 'info/nix-cache-info'),
        `StoreDir: ${storeDir}\nWantMassQuery: 1\nPriority: 30\n`,
      );
      const uri = `file://${directory}/info`;
      await expectSame(uri);
      const { stdout } = await narkit(['store', 'info', '--store', uri, '--json']);
      expect(JSON.parse(stdout)).toEqual({ priority: 30, storeDir, trusted: true, url: uri, wantMassQuery: true });
    });

    test('of a cache behind a server, and of what is none', async () => {
      const server = await startNginx({ root: join(directory, 'unsigned') });
      try {
        await expectSame(server.url);
        // Nix makes a cache where there is none, if the server lets it.
        const args = ['store', 'info', '--store', `${server.url}/nar`];
        expect(await narkit(args)).toMatchObject({
          exitCode: 1,
          stderr: `error: '${server.url}/nar' does not appear to be a binary cache: it has no 'nix-cache-info'\n`,
        });
      } finally {
        await server.stop();
      }
    });

    test('under its old name', async () => {
      const { exitCode, stderr } = await narkit(['store', 'ping', '--store', daemonUri]);
      expect([exitCode, stderr.split('\n', 2)]).toEqual([
        0,
        ["warning: 'ping' is a deprecated alias for 'info'", expect.stringMatching(/^Store URL: unix:\/\//)],
      ]);
      expect((await runNarkit(['store', '--help'])).stdout).not.toContain('ping');
    });

    test('of a tree', async () => {
      expect(await runNarkit(['store', 'info', '--store', fixtureStore, '--json'])).toMatchObject({
        exitCode: 0,
        stdout: `{"storeDir":"/nix/store","url":"${fixtureStore}"}\n`,
      });
    });
  });
});
