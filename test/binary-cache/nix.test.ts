/** What real Nix clients make of caches that narkit wrote, and how its files compare with Nix's own. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFilesystemBackend } from '../../src/backend/filesystem/index.ts';
import { type BinaryCacheSettings, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { copy } from '../../src/copy/index.ts';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { openDaemonStore } from '../../src/store/daemon/index.ts';
import type { Store } from '../../src/store/store.ts';
import { parseStorePath } from '../../src/store-path.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describePeer, nix, nixVersions } from '../peers/peers.ts';

/** A closure with a chain, a diamond, a reference of a path to itself, a link, an executable, and something larger. */
const closure = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
      PATH = "/usr/bin:/bin";
    };
    words = make "words" "for i in 1 2 3 4 5 6 7 8 9; do echo words $i; done > $out";
    self = make "self" "mkdir -p $out/bin; echo \\"#!/bin/sh\\necho $out\\" > $out/bin/self; chmod +x $out/bin/self; ln -s \${words} $out/words";
    debug = make "debug" "d=$out/lib/debug/.build-id/02; mkdir -p $d; echo foo > $d/623eda209c26a59b1a8638ff7752f6b945c26b.debug; echo no > $d/short.debug";
    large = make "large" "mkdir $out; head -c 700000 /dev/urandom > $out/random; head -c 3000000 /dev/zero > $out/zero; echo \${words} > $out/r";
  in make "top" "mkdir $out; ln -s \${self} $out/self; echo \${large} \${words} \${debug} > $out/references"
`;

const secretKey = generateSecretKey('narkit-test-1');
const publicKey = formatPublicKey(secretKey.publicKey);

describePeer(['nix-2.8', 'nix-2.26', 'nix-2.34', 'root'], 'a cache that narkit wrote', () => {
  let directory: string;
  let daemon: NixDaemon;
  let from: Store;
  let top: string;
  const clients: NixPlace[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-written-'));
    daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true });
    [top = ''] = await daemon.build(closure);
    from = await openDaemonStore({ socketPath: daemon.socketPath });
    for (const version of nixVersions)
      clients.push(
        await createNixPlace(nix(version)!, {
          atNixStore: true,
          settings: { 'require-sigs': 'true', 'trusted-public-keys': publicKey },
        }),
      );
  });
  afterAll(async () => {
    await from?.close();
    await daemon?.stop();
    await Promise.all(clients.map((client) => client.remove()));
    await rm(directory, { recursive: true });
  });

  async function write(name: string, settings: BinaryCacheSettings): Promise<string> {
    const cache = join(directory, name);
    const to = await openBinaryCacheStore(createFilesystemBackend(cache), { settings, secretKeys: [secretKey] });
    const { outcomes, copied } = await copy(from, to, [parseStorePath(top)]);
    expect(outcomes.flatMap(({ error }) => error?.message ?? [])).toEqual([]);
    expect(copied).toBe(5);
    return cache;
  }

  it.each(['none', 'gzip', 'br', 'zstd', 'xz'] as const)(
    'as %s is substituted and verified by all generations',
    async (compression) => {
      const cache = await write(compression, { compression });
      for (const client of clients) {
        const root = join(directory, `root-${compression}-${client.nix.version}`);
        const substitute = ['--store', root, '--option', 'substituters', `file://${cache}`];
        await client.run('nix-store', ['--realise', top, ...substitute]);
        await client.run('nix', ['store', 'verify', '--recursive', '--store', root, top]);
        const { stdout } = await client.run('nix', [
          'store',
          'verify',
          '--recursive',
          '--store',
          `file://${cache}`,
          top,
        ]);
        expect(stdout.toString()).toBe('');
        await rm(root, { recursive: true });
      }
    },
  );

  it('is refused by Nix when the key is another one', async () => {
    const cache = await write('other-key', { compression: 'none' });
    const stranger = formatPublicKey(generateSecretKey('narkit-test-1').publicKey);
    const root = join(directory, 'root-refused');
    const { exitCode } = await clients[2]!.run(
      'nix-store',
      [
        '--realise',
        top,
        '--store',
        root,
        '--option',
        'substituters',
        `file://${cache}`,
        '--option',
        'trusted-public-keys',
        stranger,
      ],
      { mayFail: true },
    );
    expect(exitCode).not.toBe(0);
  });

  it('equals what Nix 2.34 writes, file by file', async () => {
    const settings = { compression: 'none', writeNarListing: true, indexDebugInfo: true } as const;
    const ours = await write('ours', settings);
    const theirs = join(directory, 'theirs');
    const keyFile = join(directory, 'key');
    await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
    const parameters = `compression=none&write-nar-listing=true&index-debug-info=true&secret-key=${keyFile}`;
    await daemon.run('nix', ['copy', '--to', `file://${theirs}?${parameters}`, top]);
    const list = async (root: string): Promise<string[]> =>
      (await readdir(root, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort();
    expect(await list(ours)).toEqual(await list(theirs));
    expect(await list(ours)).toContain('/debuginfo/02623eda209c26a59b1a8638ff7752f6b945c26b.debug');
    for (const file of await list(theirs))
      expect((await readFile(ours + file)).equals(await readFile(theirs + file)), file).toBe(true);
  });
});
