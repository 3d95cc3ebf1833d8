/** `narkit store ls` and `narkit store cat`, line by line beside real Nix, on the same caches. */

import { cp, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory as dir, type FixtureTree, file, symlink as link } from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { writeTree } from '../fixture-trees/tree-on-disk.ts';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { type NarkitResult, runNarkit } from './run-narkit.ts';

const tree = (name: string): FixtureTree => hurtfulTrees[name]!();

/** What a listing can hold, and so Nix puts into a cache that has listings. */
const plain = dir([
  ['bin', dir({ hello: file('#!/bin/sh\n', true), loop: link('loop'), up: link('..') })],
  ['link', link('bin')],
  ['order', tree('names whose order depends on who sorts')],
  ['odd', tree('names that mean something elsewhere')],
  ['empty', tree('files and directories, empty and not')],
  ['case', tree('names that differ in case')],
  ['nar', tree('contents that look like a NAR')],
  ['sizes', tree('sizes around padding and chunks')],
  ['zzz', file('the last')],
]);
const bytes = dir([
  ['names', tree('names that are not UTF-8')],
  ['long', tree('names of 255 bytes')],
  ['symlinks', tree('symlinks')],
]);
const trees: Readonly<Record<string, FixtureTree>> = {
  PLAIN: plain,
  BYTES: bytes,
  FILE: tree('an executable'),
  LINK: tree('a symlink'),
  EMPTY: tree('an empty directory'),
  DEEP: tree('the deepest tree'),
};

const lines = [
  'ls PLAIN',
  'ls -l PLAIN',
  'ls -lR PLAIN',
  'ls -R --long PLAIN/bin/',
  'ls -ld PLAIN',
  'ls -R -d PLAIN/empty',
  'ls --json PLAIN',
  'ls --json -R PLAIN',
  'ls --json --recursive PLAIN/bin/hello',
  'ls --json PLAIN/link',
  'ls PLAIN/link',
  'ls -l PLAIN/bin/loop',
  'ls PLAIN/link/hello',
  'ls PLAIN/nope',
  'ls PLAIN/bin/../order/./Z',
  'ls -l PLAIN/bin/hello/',
  'ls PLAIN/bin/hello/x',
  'ls FILE',
  'ls -l FILE',
  'ls --json FILE',
  'ls -l LINK',
  'ls --json -R LINK',
  'ls EMPTY',
  'ls --json EMPTY',
  'ls -d EMPTY',
  'ls -lR DEEP',
  'ls ABSENT',
  'ls /etc/passwd',
  'cat PLAIN/bin/hello',
  'cat PLAIN//zzz',
  'cat PLAIN/bin/../../../zzz',
  'cat PLAIN/order/10',
  'cat PLAIN/sizes/size-1048584',
  'cat PLAIN/empty/empty-file',
  'cat PLAIN/nar/nar',
  'cat FILE',
  'cat PLAIN/bin/loop',
  'cat PLAIN/link/hello',
  'cat PLAIN/bin/up/bin/hello',
  'cat PLAIN/bin',
  'cat PLAIN',
  'cat LINK',
  'cat PLAIN/nope',
  'cat ABSENT/x',
];
/** For caches without listings. */
const linesOnBytes = ['ls -lR BYTES', 'ls BYTES/symlinks', 'ls --json -R BYTES', 'cat BYTES/symlinks/directory/file'];

describePeer(['nix-2.34', 'nginx', 's3'], 'store ls and cat', () => {
  let daemon: NixDaemon;
  let nginx: Nginx;
  let s3: S3Server;
  let directory: string;
  const names: Record<string, string> = {};
  /** Name → the URI for Nix, and for us. */
  const stores: Record<string, readonly [theirs: string, ours: string]> = {};

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-cli-store-ls-'));
    [daemon, nginx, s3] = await Promise.all([startNixDaemon(nix('2.34')!), startNginx(), startS3Server()]);
    const { place } = daemon;
    for (const [name, contents] of Object.entries(trees)) {
      writeTree(join(directory, name), contents);
      const { stdout } = await place.run('nix', ['store', 'add-path', '--name', name, join(directory, name)]);
      names[name] = stdout.toString().trim();
    }
    names.ABSENT = `${place.storeDir}/${'z'.repeat(32)}-absent`;
    const plainPaths = Object.entries(names).flatMap(([name, path]) => (/BYTES|ABSENT/.test(name) ? [] : path));
    const nixCopy = (uri: string, ...paths: string[]) => place.run('nix', ['copy', '--to', uri, ...paths]);
    const cache = (name: string): string => `file://${nginx.root}/${name}`;
    await nixCopy(`${cache('listed')}?compression=none&write-nar-listing=true`, ...plainPaths);
    await nixCopy(`${cache('packed')}?compression=xz&write-nar-listing=true`, ...plainPaths);
    await nixCopy(`${cache('bare')}?compression=zstd`, ...plainPaths, names.BYTES!);
    await nixCopy(`${cache('plain')}?compression=none`, ...plainPaths, names.BYTES!);

    const bucket = await s3.createBucket({ acl: 'public-read' });
    const mirrored = [
      'copy',
      '--from',
      cache('listed'),
      '--to',
      s3.uri(bucket, { compression: 'none', 'write-nar-listing': 'true' }),
    ];
    const { exitCode, stderr } = await runNarkit([...mirrored, ...plainPaths], { env: { ...place.env, ...s3.env } });
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('copied')]);

    Object.assign(stores, {
      ...Object.fromEntries(['listed', 'packed', 'bare', 'plain'].map((name) => [name, [cache(name), cache(name)]])),
      http: [`${nginx.url}/listed`, `${nginx.url}/listed`],
      s3: [s3.publicUrl(bucket), s3.uri(bucket)],
      daemon: [`unix://${daemon.socketPath}`, `unix://${daemon.socketPath}`],
      tree: [`unix://${daemon.socketPath}`, `tree:${place.realStoreDir}`],
    });
  });
  afterAll(async () => {
    await Promise.all([daemon?.stop(), nginx?.stop(), s3?.stop()]);
    await rm(directory, { recursive: true, force: true });
  });

  const wordsOf = (line: string): string[] =>
    line.split(' ').map((word) => word.replace(/^[A-Z]{3,}/, (name) => names[name]!));

  async function run(line: string, store: string, env: Readonly<Record<string, string>> = {}): Promise<NarkitResult> {
    const [command = '', ...words] = wordsOf(line);
    const options = { cwd: directory, env: { ...daemon.place.env, ...s3.env, ...env } };
    return runNarkit(['store', command, '--store', store, ...words], options);
  }

  async function expectSame(line: string, [theirStore, ourStore]: readonly [string, string]): Promise<void> {
    const [command = '', ...words] = wordsOf(line);
    const { place } = daemon;
    const [theirs, ours] = await Promise.all([
      place.run('nix', ['store', command, '--store', theirStore, ...words], { mayFail: true }),
      run(line, ourStore),
    ]);
    expect(ours.stderr === '' || ours.stderr.startsWith('error: ')).toBe(true);
    expect(ours.exitCode).toBe(theirs.exitCode);
    expect(ours.bytes.toString('latin1')).toBe(theirs.stdout.toString('latin1'));
  }

  describe.each(['listed', 'bare'])('%s', (store) => {
    test.each(lines)('%s', (line) => expectSame(line, stores[store]!));
  });
  describe.each(['packed', 'plain', 'http', 's3', 'daemon', 'tree'])('%s', (store) => {
    const some =
      /^(ls (-lR PLAIN|--json -R PLAIN|-l FILE|PLAIN\/nope)|cat (PLAIN\/(bin\/hello|link\/hello|zzz|nope)|FILE))$/;
    test.each(lines.filter((line) => some.test(line)))('%s', (line) => expectSame(line, stores[store]!));
  });
  describe.each(['bare', 'plain', 'daemon', 'tree'])('names that are not UTF-8, in %s', (store) => {
    test.each(linesOnBytes)('%s', (line) => expectSame(line, stores[store]!));
  });

  test('a path is taken by its base name, and through a symlink', async () => {
    await symlink(names.PLAIN!, join(directory, 'result'));
    await symlink('result', join(directory, 'chain'));
    for (const path of [`${basename(names.PLAIN!)}/bin/hello`, './result/bin/hello', 'chain/bin/../bin/hello'])
      expect(await run(`cat ${path}`, stores.listed![1])).toMatchObject({ exitCode: 0, stdout: '#!/bin/sh\n' });
    await symlink('loop', join(directory, 'loop'));
    expect(await run('ls ./loop/x', stores.listed![1])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('it is not in the store directory'),
    });
  });

  test('an error says which link is in the way', async () => {
    const { stderr } = await run('cat PLAIN/link/hello', stores.listed![1]);
    expect(stderr).toBe(
      "error: path '/link/hello' does not exist: '/link' is a symlink to 'bin', and is not followed\n",
    );
  });

  test("'--directory' with '--json' is wrong use", async () => {
    expect(await run('ls -d --json PLAIN', stores.listed![1])).toMatchObject({
      exitCode: 2,
      stderr: "error: '--directory' is useless with '--json'\n",
    });
  });

  describe('--check', () => {
    test('fails without a trusted signature, and goes without on request', async () => {
      // What was added by its content proves itself; what was built does not.
      const [built] = await daemon.build(
        'derivation { name = "built"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" "echo hi > $out"]; }',
      );
      const key = (await runNarkit(['key', 'generate-secret', '--key-name', 'mine-1'])).stdout;
      await writeFile(join(directory, 'key'), key, { mode: 0o600 });
      const publicKey = (await runNarkit(['key', 'convert-secret-to-public'], { input: key })).stdout;
      const cache = `file://${directory}/built`;
      await daemon.place.run('nix', ['copy', '--to', cache, built!]);
      for (const command of ['ls', 'cat']) {
        expect(await run(`${command} --check ${built}`, cache)).toMatchObject({
          exitCode: 1,
          stdout: '',
          stderr: expect.stringContaining('lacks a signature by a trusted key'),
        });
        expect(await run(`${command} --check --no-check-sigs ${built}`, cache)).toMatchObject({ exitCode: 0 });
      }
      await daemon.place.run('nix', ['store', 'sign', '--store', cache, '-k', join(directory, 'key'), built!]);
      const trusting = [`cat --check ${built}`, cache] as const;
      expect(await run(...trusting)).toMatchObject({ exitCode: 1 });
      const env = { NIX_CONFIG: `trusted-public-keys = ${publicKey}` };
      expect(await run(...trusting, env)).toMatchObject({ exitCode: 0, stdout: 'hi\n' });
      expect(await run(`cat --check --trusted-public-keys ${publicKey} ${built}`, cache)).toMatchObject({
        exitCode: 0,
      });
    });

    test('finds a byte that was changed, which a range does not', async () => {
      const cache = join(directory, 'changed');
      await cp(join(nginx.root, 'listed'), cache, { recursive: true });
      const narInfo = await readFile(join(cache, `${basename(names.PLAIN!).slice(0, 32)}.narinfo`), 'utf8');
      const nar = join(cache, /^URL: (.*)$/m.exec(narInfo)![1]!);
      const contents = await readFile(nar);
      contents[contents.indexOf('#!/bin/sh')] = 0x58;
      await writeFile(nar, contents);
      expect(await run('cat PLAIN/bin/hello', `file://${cache}`)).toMatchObject({ exitCode: 0, stdout: 'X!/bin/sh\n' });
      for (const line of ['cat --check PLAIN/bin/hello', 'ls --check PLAIN'])
        expect(await run(line, `file://${cache}`)).toMatchObject({
          exitCode: 1,
          stderr: expect.stringContaining('but its path info says'),
        });
      await truncate(nar, contents.length - 8);
      const cut = await run('cat PLAIN/zzz', `file://${cache}`);
      expect(cut.stderr).toMatch(/^warning: the listing .* is of no use, so the NAR is read: the NAR has \d+ bytes/);
    });
  });
});

describePeer('nginx', 'one file out of a NAR of 200 MB', () => {
  let directory: string;
  let nginx: Nginx;
  let proxy: Server;
  /** What went through the proxy. */
  const seen: { readonly path: string; bytes: number }[] = [];
  const path = `/nix/store/${'1'.repeat(32)}-large`;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-cli-range-'));
    const store = join(directory, 'store');
    writeTree(store, dir([[basename(path), dir({ a: file('before\n'), large: file(''), z: file('behind\n') })]]));
    await truncate(join(store, basename(path), 'large'), 200 * 1024 * 1024);
    const to = `file://${directory}/cache?compression=none&write-nar-listing=true`;
    expect(await runNarkit(['copy', '--from', `tree:${store}`, '--to', to, path])).toMatchObject({ exitCode: 0 });
    nginx = await startNginx({ root: join(directory, 'cache') });
    proxy = createServer((incoming, answer) => {
      const entry = { path: incoming.url ?? '', bytes: 0 };
      seen.push(entry);
      const outgoing = request(`${nginx.url}${incoming.url}`, { headers: incoming.headers }, (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.on('data', (chunk: Buffer) => {
          entry.bytes += chunk.length;
        });
        response.pipe(answer);
      });
      outgoing.on('error', () => answer.destroy());
      answer.on('close', () => outgoing.destroy());
      outgoing.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => proxy.close(resolve));
    await nginx?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test.each([
    ['cat', '/z', 'behind\n'],
    ['cat', '/a', 'before\n'],
    ['ls', '', './a\n./large\n./z\n'],
  ])('%s %s moves a few thousand bytes in four requests at most', async (command, name, stdout) => {
    seen.length = 0;
    const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const result = await runNarkit(['store', command, '--store', uri, `${path}${name}`]);
    expect(result).toMatchObject({ exitCode: 0, stdout, stderr: '' });
    const kinds = seen.map((one) => one.path.replace(/^.*[./](?=nix-cache-info|narinfo|ls|nar)/, ''));
    expect(kinds).toEqual(['nix-cache-info', 'narinfo', 'ls', ...(command === 'cat' ? ['nar'] : [])]);
    expect(seen.reduce((sum, one) => sum + one.bytes, 0)).toBeLessThan(10_000);
  });
});
