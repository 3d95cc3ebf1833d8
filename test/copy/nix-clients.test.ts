/** `narkit copy` of what a real Nix built, to a real server, and the real Nix clients of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { createNixPlace } from '../peers/nix-place.ts';
import { describePeer, nix, nixVersions } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { listKeys, listOpenUploads, readObject, untilPartsArrive } from './bucket-contents.ts';
import { parseOutcomes, runNarkit, startNarkit } from './narkit-program.ts';

const MiB = 1024 * 1024;

/** A chain, a diamond, a reference of a path to itself, a link, an executable, and what is large enough for parts. */
const closure = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-e" "-c" script ];
      PATH = "/usr/bin:/bin";
    };
    words = make "words" "for i in 1 2 3 4 5 6 7 8 9; do echo words $i; done > $out";
    self = make "self" "mkdir -p $out/bin; echo \\"#!/bin/sh\\necho $out\\" > $out/bin/self; chmod +x $out/bin/self; ln -s \${words} $out/words";
    large = make "large" "mkdir $out; head -c 40000000 /dev/urandom > $out/random; head -c 5000000 /dev/zero > $out/zero; echo \${words} > $out/r";
  in make "top" "mkdir $out; ln -s \${self} $out/self; echo \${large} \${words} > $out/references"
`;

const secretKey = generateSecretKey('narkit-test-1');
const publicKey = formatPublicKey(secretKey.publicKey);

describePeer(['nix-2.8', 'nix-2.26', 'nix-2.34', 's3', 'nginx', 'root'], 'a closure that Nix 2.34 built', () => {
  let directory: string;
  let keyFile: string;
  let daemon: NixDaemon;
  let nginx: Nginx;
  let s3: S3Server;
  let top: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-clients-'));
    keyFile = join(directory, 'key');
    await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
    daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true });
    [top = ''] = await daemon.build(closure);
    nginx = await startNginx();
    s3 = await startS3Server();
  });
  afterAll(async () => {
    await s3?.stop();
    await nginx?.stop();
    await daemon?.stop();
    await rm(directory, { recursive: true });
  });

  const copyArguments = (to: string): string[] => [
    ...['copy', '--from', `unix://${daemon.socketPath}`, '--to', to],
    ...['--secret-key-file', keyFile, '--json', top],
  ];

  /** A Nix that has nothing takes all of it from there, and demands signatures. */
  async function substituteByAll(url: string, trustedKey = publicKey): Promise<number[]> {
    const exitCodes: number[] = [];
    for (const version of nixVersions) {
      const settings = { 'require-sigs': 'true', 'trusted-public-keys': trustedKey, substituters: url };
      const client = await createNixPlace(nix(version)!, { atNixStore: true, settings });
      try {
        const { exitCode } = await client.run('nix-store', ['--realise', top], { mayFail: true });
        exitCodes.push(exitCode);
        if (exitCode !== 0) continue;
        await client.run('nix-store', ['--verify', '--check-contents']);
        await client.run('nix', ['store', 'verify', '--recursive', top]);
      } finally {
        await client.remove();
      }
    }
    return exitCodes;
  }

  it('goes to nginx by WebDAV, and all generations substitute it', async () => {
    const to = `${nginx.url}/cache`;
    const first = await runNarkit(copyArguments(to));
    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/: 4 copied .*, 0 present\n$/) });
    expect(parseOutcomes(first).map(({ outcome }) => outcome)).toEqual(Array(4).fill('copied'));
    expect(await substituteByAll(to)).toEqual([0, 0, 0]);
    const second = await runNarkit(copyArguments(to));
    expect(parseOutcomes(second).map(({ outcome }) => outcome)).toEqual(Array(4).fill('present'));
    const stranger = formatPublicKey(generateSecretKey('narkit-test-1').publicKey);
    expect(await substituteByAll(to, stranger)).not.toContain(0);
  });

  it('goes to S3, and all generations substitute it from a public bucket', async () => {
    const bucket = await s3.createBucket({ acl: 'public-read' });
    const result = await runNarkit(copyArguments(s3.uri(bucket)), s3.env);
    expect(result).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/: 4 copied .*, 0 present\n$/) });
    expect(await listOpenUploads(s3, bucket)).toEqual([]);
    expect(await substituteByAll(s3.publicUrl(bucket))).toEqual([0, 0, 0]);
  });

  it('is at the end of S3 → files → HTTP → S3 what it was at the beginning', async () => {
    const [first, last] = [await s3.createBucket(), await s3.createBucket({ acl: 'public-read' })];
    const files = `file://${join(directory, 'mirror')}`;
    const web = `${nginx.url}/mirror`;
    const begin = await runNarkit(copyArguments(s3.uri(first, { compression: 'gzip' })), s3.env);
    expect(begin).toMatchObject({ exitCode: 0 });
    const again = join(directory, 'another-key');
    await writeFile(again, formatSecretKey(generateSecretKey('again-1')), { mode: 0o600 });
    for (const [from, to, ...args] of [
      [s3.uri(first), files, '--all'],
      [files, web, '--all'],
      [web, s3.uri(last), '--secret-key-file', again, top],
    ] as const) {
      const result = await runNarkit(['copy', '--json', '--from', from, '--to', to, ...args], s3.env);
      expect(parseOutcomes(result).map(({ outcome }) => outcome)).toEqual(Array(4).fill('copied'));
    }
    const keys = await listKeys(s3, first);
    expect(await listKeys(s3, last)).toEqual(keys);
    expect(await listOpenUploads(s3, last)).toEqual([]);
    for (const key of keys) {
      const [before, after] = [await readObject(s3, first, key), await readObject(s3, last, key)];
      if (key.endsWith('.narinfo')) {
        expect(before.toString()).toContain('Compression: gzip\n');
        expect(after.toString()).toContain('Sig: again-1:');
        expect(after.toString().replace(/^Sig: again-1:.*\n/m, '')).toBe(before.toString());
      } else expect(after.equals(before), key).toBe(true);
    }
    expect(await substituteByAll(s3.publicUrl(last))).toEqual([0, 0, 0]);
  });

  it('does not go to S3 with a wrong secret: one clear line, and nothing there', async () => {
    const bucket = await s3.createBucket();
    const secret = 'thisIsNotTheSecret';
    const result = await runNarkit(copyArguments(s3.uri(bucket)), { ...s3.env, AWS_SECRET_ACCESS_KEY: secret });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.stderr).toMatch(/^error: .*bucket.*(secret|credentials|signature)/i);
    expect(result.stderr).not.toContain(secret);
    expect(await listKeys(s3, bucket)).toEqual([]);
    expect(await listOpenUploads(s3, bucket)).toEqual([]);
  });

  it('survives that the S3 server is killed between the parts of a large path', { timeout: 180_000 }, async () => {
    const bucket = await s3.createBucket({ acl: 'public-read' });
    const copying = startNarkit(copyArguments(s3.uri(bucket, { 'multipart-chunk-size': String(5 * MiB) })), s3.env);
    await untilPartsArrive(s3, bucket);
    await s3.kill();
    await sleep(1000);
    await s3.start();
    const interrupted = await copying.result;
    if (interrupted.exitCode !== 0) {
      expect(interrupted.exitCode).toBe(1);
      const failed = parseOutcomes(interrupted).filter(({ outcome }) => outcome === 'failed');
      expect(failed.map(({ path, error }) => `${path.slice(44)}: ${error}`)).toEqual([
        expect.stringMatching(/^large: cannot write 'nar\/.*' in 'bucket-\d' at http:.*: nothing listens there/),
        expect.stringMatching(/^top: .*reference '.*-large' is not there$/),
      ]);
      expect((await listKeys(s3, bucket)).filter((key) => key.endsWith('.narinfo')).length).toBeLessThan(4);
    }
    expect(await listOpenUploads(s3, bucket)).toEqual([]);
    const repeated = await runNarkit(copyArguments(s3.uri(bucket)), s3.env);
    expect(repeated.exitCode).toBe(0);
    expect(await listOpenUploads(s3, bucket)).toEqual([]);
    expect(await substituteByAll(s3.publicUrl(bucket))).toEqual([0, 0, 0]);
  });
});
