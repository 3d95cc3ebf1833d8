/** The hook as a real Nix calls it, with a real bucket behind it. */
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { type NixDaemon, type NixDaemonOptions, startNixDaemon } from '../peers/nix-daemon.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describePeer, needPeer, nix, nixVersions } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { narkitHookProgram as hook } from '../programs.ts';

const secretKey = generateSecretKey('hook-1');
const publicKey = formatPublicKey(secretKey.publicKey);
const token = 'ghp_thisMustNeverBePrinted';

/** A chain of derivations whose names nobody has built before, the last with two outputs. */
const chain = (name: string, length = 4): string => `
  let
    make = name: previous: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; outputs = [ "out" "doc" ];
      args = [ "-c" "echo \${name} \${previous} > $out; echo about $out > $doc" ];
    };
  in builtins.foldl' (previous: index: make "${name}-\${toString index}" previous) "nothing" (builtins.genList (i: i) ${length})
`;

describePeer(['nix-2.8', 'nix-2.26', 'nix-2.34', 's3', 'strace', 'root'], 'narkit-hook', () => {
  let directory: string;
  let server: S3Server;
  let keyFile: string;
  const daemons: NixDaemon[] = [];
  const places: NixPlace[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-hook-'));
    keyFile = join(directory, 'key');
    await chmod(hook, 0o755);
    await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
    server = await startS3Server();
  });
  afterAll(async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await Promise.all(places.map((place) => place.remove()));
    await server?.stop();
    await rm(directory, { recursive: true });
  });

  async function writeConfig(name: string, text: string): Promise<string> {
    const path = join(directory, `${name}.toml`);
    await writeFile(path, text);
    return path;
  }

  async function startDaemon(
    version: (typeof nixVersions)[number],
    program: string,
    env: Record<string, string>,
  ): Promise<NixDaemon> {
    const settings = { 'post-build-hook': program, 'access-tokens': `github.com=${token}` };
    const options: NixDaemonOptions = { atNixStore: true, settings, env: { ...server.env, ...env } };
    const daemon = await startNixDaemon(nix(version)!, options);
    daemons.push(daemon);
    return daemon;
  }

  /** A store that has nothing takes all of it from the bucket, and demands signatures. */
  async function substitute(version: (typeof nixVersions)[number], bucket: string, path: string): Promise<void> {
    const settings = {
      'require-sigs': 'true',
      'trusted-public-keys': publicKey,
      substituters: server.publicUrl(bucket),
    };
    const client = await createNixPlace(nix(version)!, { atNixStore: true, settings });
    places.push(client);
    await client.run('nix-store', ['--realise', path]);
    await client.run('nix-store', ['--verify', '--check-contents']);
  }

  describe.each(nixVersions)('called by Nix %s', (version) => {
    it('uploads what a daemon builds, starts nothing and says nothing', async () => {
      const bucket = await server.createBucket({ acl: 'public-read' });
      const config = await writeConfig(
        `daemon-${version}`,
        `mode = "direct"\nto = ["${server.uri(bucket)}"]\nsecret-key-files = ["${keyFile}"]\n`,
      );
      const trace = join(directory, `trace-${version}`);
      const traced = join(directory, `traced-${version}`);
      const strace = `${needPeer('strace')} -f -e trace=execve,execveat -o ${trace}.$$`;
      await writeFile(traced, `#!/bin/sh\nexec ${strace} ${hook}\n`, { mode: 0o755 });
      const daemon = await startDaemon(version, traced, { NARKIT_CONFIG: config });
      const { stdout, stderr } = await daemon.run('nix-build', ['--no-out-link', '--expr', chain(`chain-${version}`)]);
      const top = stdout.toString().trim();
      expect(stderr).not.toContain('narkit-hook:');
      expect(await daemon.log()).not.toContain(token);
      await substitute('2.34', bucket, top);
      await substitute(version, bucket, top);

      const traces = (await readdir(directory)).filter((name) => name.startsWith(`trace-${version}.`));
      expect(traces).toHaveLength(4);
      for (const name of traces) {
        const calls = (await readFile(join(directory, name), 'utf8'))
          .split('\n')
          .filter((line) => / execve(at)?\(/.test(line) && line.endsWith(' = 0'));
        // The program itself by its first line, `env`, and then Node: nothing after it.
        expect(calls.map((call) => /execve\("([^"]*)"/.exec(call)![1]!.split('/').at(-1))).toEqual([
          'narkit-hook.cjs',
          'node',
        ]);
      }
    });

    it('uploads what is built without a daemon', async () => {
      const bucket = await server.createBucket({ acl: 'public-read' });
      const config = await writeConfig(
        `local-${version}`,
        `mode = "direct"\nto = ["${server.uri(bucket)}"]\nsecret-key-files = ["${keyFile}"]\n`,
      );
      const place = await createNixPlace(nix(version)!, { atNixStore: true, settings: { 'post-build-hook': hook } });
      places.push(place);
      const env = { ...server.env, NARKIT_CONFIG: config };
      const { stdout } = await place.run('nix-build', ['--no-out-link', '--expr', chain(`local-${version}`)], { env });
      await substitute(version, bucket, stdout.toString().trim());
    });

    it('does not break a build when the upload fails, unless it is told to', async () => {
      const broken = `mode = "direct"\nto = ["s3://no-such-bucket?endpoint=${server.endpoint}&region=${server.region}"]\n`;
      const ignore = await writeConfig('ignore', broken);
      const daemon = await startDaemon(version, hook, { NARKIT_CONFIG: ignore });
      const built = await daemon.run('nix-build', ['--no-out-link', '--expr', chain(`ignored-${version}`, 1)]);
      expect(built.stderr.split('\n').filter((line) => line.includes('narkit-hook:'))).toHaveLength(1);
      expect(built.stderr).toContain('no-such-bucket');
      expect(built.stderr + (await daemon.log())).not.toContain(token);

      const fail = await writeConfig('fail', `on-failure = "fail"\n${broken}`);
      const strict = await startDaemon(version, hook, { NARKIT_CONFIG: fail });
      const stopped = await strict.run('nix-build', ['--no-out-link', '--expr', chain(`stopped-${version}`, 1)], {
        mayFail: true,
      });
      expect(stopped.exitCode).not.toBe(0);
      expect(stopped.stderr).toContain('no-such-bucket');
    });

    it('does not break a build without a configuration', async () => {
      const missing = join(directory, 'missing.toml');
      const daemon = await startDaemon(version, hook, { NARKIT_CONFIG: missing });
      const { stderr } = await daemon.run('nix-build', [
        '--no-out-link',
        '--expr',
        chain(`unconfigured-${version}`, 1),
      ]);
      expect(stderr).toContain(missing);
    });
  });
});
