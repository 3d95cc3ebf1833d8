/** `narkit store verify` as a program: what it prints, its exit codes beside those of Nix, over files, HTTP and S3. */
import { chmod, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { narFile, narInfoFile } from '../verify/defects.ts';
import { fixtureStore, type NarkitOptions, type NarkitResult, runNarkit } from './run-narkit.ts';

const words = '/nix/store/kdxc08h44329i98r0iqz0z19xxffc5by-words-1.0';
const greet = '/nix/store/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r-greet-1.0';
const absent = `/nix/store/${'0'.repeat(32)}-absent`;

let directory: string;
let publicKey: string;
let made = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-cli-verify-'));
  const { stdout: secret } = await runNarkit(['key', 'generate-secret', '--key-name', 'cache-1']);
  await writeFile(join(directory, 'secret'), secret, { mode: 0o600 });
  publicKey = (await runNarkit(['key', 'convert-secret-to-public'], { input: secret })).stdout;
});
afterAll(() => rm(directory, { recursive: true }));

/** A cache of the fixture store, signed. */
async function newCache(): Promise<string> {
  const cache = join(directory, `cache-${++made}`);
  const to = `file://${cache}?secret-key=${directory}/secret`;
  expect(await runNarkit(['copy', '--from', fixtureStore, '--to', to, '--all', '-q'])).toMatchObject({ exitCode: 0 });
  return cache;
}

function verify(store: string, args: readonly string[], options?: NarkitOptions): Promise<NarkitResult> {
  const uri = store.startsWith('/') ? `file://${store}` : store;
  return runNarkit(['store', 'verify', '--store', uri, '--trusted-public-keys', publicKey, ...args], options);
}

const fileOf = (cache: string, path: string): Parameters<typeof narFile>[0] =>
  ({ directory: cache, path: basename(path) }) as Parameters<typeof narFile>[0];

async function changeNarInfo(cache: string, path: string, change: (text: string) => string): Promise<void> {
  const file = narInfoFile(fileOf(cache, path));
  await writeFile(file, change(await readFile(file, 'utf8')));
}

const unsign = (text: string): string => text.replaceAll(/^Sig: .*\n/gm, '');

interface Line {
  readonly kind?: string;
  readonly summary?: Record<string, unknown>;
  readonly [field: string]: unknown;
}

const parseLines = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

describe('what it prints', () => {
  test('a summary where all is well', async () => {
    const cache = await newCache();
    const { exitCode, stdout, stderr } = await verify(cache, ['--all']);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^file:\/\/\S+: 3 paths verified \([\d.]+ K?i?B of contents\): all well\n$/);
    expect(await verify(cache, ['-q', greet])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect((await verify(cache, [words])).stderr).toContain(': 1 path verified ');
    expect((await verify(cache, ['-r', greet])).stderr).toContain(': 2 paths verified ');
    expect((await verify(cache, ['--stdin'], { input: `${greet}\n${words}\n` })).stderr).toContain(
      ': 2 paths verified ',
    );
    expect((await verify(cache, ['--no-contents', '--all'])).stderr).toContain(': 3 paths verified: all well');
  });

  test('the words of Nix, and what to do', async () => {
    const cache = await newCache();
    await changeNarInfo(cache, words, unsign);
    await rm(await narFile(fileOf(cache, greet)));
    const { exitCode, stderr } = await verify(cache, ['--all']);
    expect(exitCode).toBe(3);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toContain(`path '${words}' is untrusted (nobody signed it) [unsigned]`);
    expect(lines.at(-3)).toMatch(/: 1 corrupt, 1 untrusted$/);
    expect(lines.at(-2)).toMatch(/^ {2}1 nar-missing: mend it with '--repair-from STORE'/);
    expect(lines.at(-1)).toMatch(/^ {2}1 unsigned: have it signed/);
  });

  test('with --json a line for each finding, and one for the whole', async () => {
    const cache = await newCache();
    await changeNarInfo(cache, words, () => 'garbage');
    await writeFile(join(cache, 'notes.txt'), 'notes');
    const { exitCode, stdout } = await verify(cache, ['--json', '--all', '-q']);
    expect(exitCode).toBe(1);
    const lines = parseLines(stdout);
    const key = `${basename(words).slice(0, 32)}.narinfo`;
    expect(lines[0]).toEqual({
      kind: 'narinfo-corrupt',
      severity: 'corrupt',
      key,
      message: expect.stringContaining(key),
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ kind: 'stray-file', severity: 'note', key: 'notes.txt', size: 5 }),
    );
    expect(lines.at(-1)).toEqual({
      summary: expect.objectContaining({
        store: `file://${cache}`,
        paths: 3,
        corrupt: 1,
        untrusted: 0,
        other: 0,
        notes: 2,
      }),
    });
  });

  test('notes only with --verbose', async () => {
    const cache = await newCache();
    await writeFile(join(cache, 'notes.txt'), 'notes');
    expect((await verify(cache, ['--all'])).stderr).not.toContain("'notes.txt'");
    expect(await verify(cache, ['--all', '-v'])).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("no client asks for 'notes.txt' [stray-file]"),
    });
  });
});

describe('what it cannot do', () => {
  test.each([
    [[], 2, "name at least one store path, or use '--stdin' or '--all'"],
    [['--all', words], 2, "'--all' takes no paths besides"],
    [['-n', 'many', words], 2, "'--sigs-needed' takes a whole number, not 'many'"],
    [[absent], 4, `path '${absent}' is not valid in 'file://`],
    [['--repair-from', 'nowhere://', words], 4, "cannot use 'nowhere://' as a Nix store"],
  ])('%j', async (args, exitCode, message) => {
    const result = await verify(await newCache(), args);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(message);
  });

  test('repair what is no cache', async () => {
    const { exitCode, stderr } = await verify(fixtureStore, ['--all', '--quarantine']);
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/^error: 'tree:.*' is no binary cache: it is its Nix that repairs it$/m);
  });

  test('a server that is not there is no corrupt cache', async () => {
    const { exitCode, stderr } = await verify('http://127.0.0.1:1?retry-attempts=1', [words]);
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/^error: .*ECONNREFUSED/);
  });
});

test('a tree has no signatures, and contents that are its own', async () => {
  expect(await verify(fixtureStore, ['--all'])).toMatchObject({ exitCode: 2 });
  expect(await verify(fixtureStore, ['--all', '--no-trust'])).toMatchObject({ exitCode: 0 });
});

test('the keys of this machine are trusted, as by Nix', async () => {
  const cache = await newCache();
  const byDefault = (NIX_CONFIG: string) =>
    runNarkit(['store', 'verify', '--store', `file://${cache}`, '--all'], { env: { NIX_CONFIG } });
  expect(await byDefault('')).toMatchObject({ exitCode: 2 });
  expect(await byDefault(`trusted-public-keys = ${publicKey}`)).toMatchObject({ exitCode: 0 });
  expect(await byDefault(`secret-key-files = ${directory}/absent ${directory}/secret`)).toMatchObject({ exitCode: 0 });
});

describe('repair and quarantine', () => {
  test('what is broken comes out of another store, and what cannot is put aside', async () => {
    const cache = await newCache();
    const other = await newCache();
    await truncate(await narFile(fileOf(cache, greet)), 20);
    await changeNarInfo(cache, words, () => 'garbage');
    const keys = ['--trusted-public-keys', publicKey];
    const repaired = await verify(cache, ['--all', '--json', '--repair-from', `file://${other}`, ...keys]);
    expect(repaired).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/: 2 repaired/) });
    expect(parseLines(repaired.stdout).filter((line) => line.repaired)).toHaveLength(2);
    expect(await verify(cache, ['--all'])).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/: all well\n$/),
    });

    await changeNarInfo(cache, words, () => 'garbage');
    const untrusted = ['--all', '--repair-from', `file://${other}`, '--quarantine'];
    await changeNarInfo(other, words, unsign);
    const aside = await verify(cache, untrusted);
    expect(aside.exitCode).toBe(5);
    expect(aside.stderr).toMatch(/\n {2}not repaired: no trusted key signed '\S*words-1.0' of 'file:/);
    const [, moved] = /its narinfo lies in '(quarantine\/\d{8}T\d{6}Z\/\w{32}\.narinfo)' now/.exec(aside.stderr)!;
    expect(await readFile(join(cache, moved!), 'utf8')).toBe('garbage');
    expect(aside.stderr).toContain(`path '${greet}' refers to '${words}', which the cache does not have`);
    expect(await verify(cache, [words])).toMatchObject({ exitCode: 4 });
    expect(await verify(cache, [greet, '-s', fixtureStore])).toMatchObject({ exitCode: 0 });
  });

  test('a nix-cache-info that cannot be read', async () => {
    const cache = await newCache();
    await writeFile(join(cache, 'nix-cache-info'), 'StoreDir: /nix/store\nPriority: high\n');
    const found = await verify(cache, ['--all', '--json', '-q']);
    expect(found.exitCode).toBe(1);
    expect(parseLines(found.stdout)[0]).toMatchObject({ kind: 'cache-info', key: 'nix-cache-info' });
    expect(await verify(cache, ['--all', '--repair-from', fixtureStore])).toMatchObject({ exitCode: 0 });
    expect(await verify(cache, ['--all'])).toMatchObject({ exitCode: 0 });
  });
});

const expression = `
  let make = name: script: derivation {
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-e" "-c" script ]; PATH = "/usr/bin:/bin";
  };
  in rec {
    library = make "library" "mkdir $out; echo a library > $out/library; head -c 100000 /dev/urandom > $out/data";
    program = make "program" "mkdir $out; echo \${library} > $out/program; ln -s $out/program $out/link";
    other = make "other" "echo other > $out";
  }
`;

describePeer(['nix-2.34', 'nginx', 's3', 'root'], 'what a real Nix built and signed', () => {
  let daemon: NixDaemon;
  let nginx: Nginx;
  let s3: S3Server;
  let pristine: string;
  let library: string;
  let program: string;
  let other: string;

  beforeAll(async () => {
    daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true, settings: { 'trusted-public-keys': publicKey } });
    const paths = await daemon.build(expression);
    const find = (name: string): string => paths.find((path) => path.endsWith(`-${name}`))!;
    [library, program, other] = [find('library'), find('program'), find('other')];
    pristine = join(directory, 'by-nix');
    const to = `file://${pristine}?compression=none&write-nar-listing=true&secret-key=${directory}/secret`;
    await daemon.run('nix', ['copy', '--to', to, ...paths]);
    nginx = await startNginx();
    s3 = await startS3Server();
  }, 120_000);
  afterAll(async () => {
    await s3?.stop();
    await nginx?.stop();
    await daemon?.stop();
  });

  async function newNixCache(): Promise<string> {
    const cache = join(directory, `cache-${++made}`);
    await cp(pristine, cache, { recursive: true });
    return cache;
  }

  async function verifyByNix(store: string, args: readonly string[]): Promise<NarkitResult & { lines: string[] }> {
    await rm(join(daemon.place.directory, 'home/.cache'), { recursive: true, force: true });
    const result = await daemon.run('nix', ['store', 'verify', '--store', store, ...args], { mayFail: true });
    const lines = result.stderr.split('\n').filter((line) => /^path .* (is untrusted|was modified)/.test(line));
    return { ...result, bytes: result.stdout, stdout: result.stdout.toString(), lines };
  }

  async function flip(file: string): Promise<void> {
    const bytes = await readFile(file);
    bytes[bytes.length - 60]! ^= 1;
    await chmod(file, 0o644);
    await writeFile(file, bytes);
  }

  test.each<[string, number, number, string[], (cache: string) => Promise<void>]>([
    ['all is well', 0, 0, ['--all'], async () => {}],
    ['changed contents', 1, 1, ['--all'], async (cache) => flip(await narFile(fileOf(cache, library)))],
    [
      'changed contents, not looked at',
      0,
      0,
      ['--all', '--no-contents'],
      async (cache) => flip(await narFile(fileOf(cache, library))),
    ],
    ['no signature', 2, 2, ['--all'], (cache) => changeNarInfo(cache, other, unsign)],
    ['no signature, not looked at', 0, 0, ['--all', '--no-trust'], (cache) => changeNarInfo(cache, other, unsign)],
    ['too few signatures', 2, 2, ['--all', '--sigs-needed', '2'], async () => {}],
    [
      'both',
      3,
      3,
      ['--all'],
      async (cache) => {
        await flip(await narFile(fileOf(cache, library)));
        await changeNarInfo(cache, other, unsign);
      },
    ],
    ['a narinfo that is none', 1, 1, ['--all'], (cache) => changeNarInfo(cache, other, () => 'garbage')],
    // Damage that Nix counts as an error on the way.
    ['no NAR', 1, 4, ['--all'], async (cache) => rm(await narFile(fileOf(cache, library)))],
    // What Nix does not look at.
    ['no reference', 4, 0, ['--all'], async (cache) => rm(narInfoFile(fileOf(cache, library)))],
    [
      'another FileHash',
      1,
      0,
      ['--all'],
      (cache) =>
        changeNarInfo(cache, other, (text) =>
          text.replace(/^FileHash: .*/m, 'FileHash: sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3'),
        ),
    ],
  ])('%s: exit code %i, and %i of Nix', async (_title, ours, theirs, args, damage) => {
    const cache = await newNixCache();
    await damage(cache);
    const byNix = await verifyByNix(`file://${cache}`, args);
    expect(byNix.exitCode, byNix.stderr).toBe(theirs);
    const result = await verify(cache, args);
    expect(result.exitCode, result.stderr).toBe(ours);
    // To the word where Nix has words for it.
    for (const line of byNix.lines) expect(result.stderr).toContain(line);
  });

  test('a path that is not there: 4', async () => {
    expect((await verifyByNix(`file://${pristine}`, [absent])).exitCode).toBe(4);
    expect((await verify(pristine, [absent])).exitCode).toBe(4);
  });

  test('the local store: contents, and paths that were built here are trusted', async () => {
    const store = `unix://${daemon.socketPath}`;
    expect(await verify(store, [library, other])).toMatchObject({ exitCode: 0 });
    expect(await verify(store, ['-n', '1', other])).toMatchObject({ exitCode: 2 });
    expect(await verify(store, ['-n', '1', '-s', `file://${pristine}`, other])).toMatchObject({ exitCode: 0 });
    const [changed] = await daemon.build(
      expression
        .replace('rec {', 'rec { changed = make "changed" "echo it > $out";')
        .replaceAll(/^ {4}(library|program|other) = .*$/gm, ''),
    );
    const file = join(daemon.place.realStoreDir, basename(changed!));
    await chmod(file, 0o644);
    await writeFile(file, 'IT\n');
    await chmod(file, 0o444);
    const byNix = await daemon.run('nix', ['store', 'verify', changed!], { mayFail: true });
    const result = await verify(store, [changed!]);
    expect([result.exitCode, byNix.exitCode]).toEqual([1, 1]);
    expect(result.stderr).toContain(byNix.stderr.split('\n').find((line) => line.includes('was modified'))!);
  });

  test('what was changed in a cache comes out of the local Nix, and Nix agrees', async () => {
    const cache = await newNixCache();
    await flip(await narFile(fileOf(cache, library)));
    await rm(await narFile(fileOf(cache, program)));
    await rm(narInfoFile(fileOf(cache, other)));
    const { exitCode, stderr } = await verify(cache, [
      '--json',
      '--repair-from',
      `unix://${daemon.socketPath}`,
      library,
      program,
    ]);
    expect(exitCode, stderr).toBe(0);
    // Nobody signs what is not signed: a key of the cache does.
    const signing = `file://${cache}?secret-key=${directory}/secret`;
    expect(await verify(signing, ['--repair-from', `unix://${daemon.socketPath}`, other])).toMatchObject({
      exitCode: 0,
    });
    expect(await verify(cache, ['--all'])).toMatchObject({ exitCode: 0 });
    expect((await verifyByNix(`file://${cache}`, ['--all'])).exitCode).toBe(0);
  });

  test('over HTTP: named paths; all of it only where it can be listed', async () => {
    const cache = join(nginx.root, 'cache');
    await cp(pristine, cache, { recursive: true });
    const store = `${nginx.url}/cache`;
    expect(await verify(store, ['-r', program])).toMatchObject({ exitCode: 0 });
    const all = await verify(store, ['--all']);
    expect(all).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('cannot list what it has: name the paths to verify'),
    });

    await rm(narInfoFile(fileOf(cache, library)));
    await flip(await narFile(fileOf(cache, other)));
    const { exitCode, stdout } = await verify(store, ['--json', '-q', program, other]);
    expect(exitCode).toBe(5);
    const found = parseLines(stdout).map(({ kind, path }) => [kind, path]);
    expect(found).toEqual([
      ['reference-missing', program],
      ['nar-hash', other],
      [undefined, undefined],
    ]);
    const args = ['--repair-from', `file://${pristine}`, '--quarantine', program, other];
    expect(await verify(store, args)).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('2 repaired') });
    expect(await verify(store, [program, library, other])).toMatchObject({ exitCode: 0 });
    expect(await readdir(cache)).not.toContain('quarantine');
  });

  test('on S3: all of it, mended and put aside', async () => {
    const bucket = await s3.createBucket();
    const uri = s3.uri(bucket, { compression: 'none' });
    const options = { env: s3.env };
    const copied = await runNarkit(['copy', '--from', `file://${pristine}`, '--to', uri, '--all', '-q'], options);
    expect(copied.exitCode, copied.stderr).toBe(0);
    expect(await verify(uri, ['--all'], options)).toMatchObject({ exitCode: 0 });

    const { PutObjectCommand, ListObjectsV2Command, GetObjectCommand } = await import('@aws-sdk/client-s3');
    const put = (Key: string, Body: string | Uint8Array) =>
      s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    const narOf = async (path: string): Promise<string> => {
      const Key = `${basename(path).slice(0, 32)}.narinfo`;
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      return /^URL: (.*)$/m.exec(await Body!.transformToString())![1]!;
    };
    // The same size: a put of the right file under the same name must not be left out.
    const nar = await narOf(library);
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: bucket, Key: nar }));
    const bytes = await Body!.transformToByteArray();
    bytes[bytes.length >> 1]! ^= 1;
    await put(nar, bytes);
    await put(`${basename(other).slice(0, 32)}.narinfo`, 'garbage');
    const found = await verify(uri, ['--all', '--json', '-q'], options);
    expect(found.exitCode).toBe(1);
    expect(
      parseLines(found.stdout)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['nar-hash', 'narinfo-corrupt', 'orphan-nar', undefined]);
    const repaired = await verify(uri, ['--all', '--repair-from', `file://${pristine}`], options);
    expect(repaired.exitCode, repaired.stderr).toBe(0);
    expect(await verify(uri, ['--all'], options)).toMatchObject({ exitCode: 0 });

    await put(`${basename(library).slice(0, 32)}.narinfo`, 'garbage');
    expect(await verify(uri, ['--all', '--quarantine'], options)).toMatchObject({ exitCode: 5 });
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'quarantine/' }));
    expect(Contents.map(({ Key }) => basename(Key!))).toEqual([`${basename(library).slice(0, 32)}.narinfo`]);
  });

  test('a denied server says nothing about the paths', async () => {
    const bucket = await s3.createBucket();
    const { exitCode, stderr } = await verify(s3.uri(bucket), ['--all'], {
      env: { ...s3.env, AWS_SECRET_ACCESS_KEY: 'wrong' },
    });
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/^error: /);
  });
});
