/** Caches that a real Nix wrote: read, restored, handed on, imported. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copy } from '../../src/copy/index.ts';
import { formatHash } from '../../src/hash/index.ts';
import type { PathInfo } from '../../src/path-info.ts';
import { parsePathInfosJson } from '../../src/path-info-json.ts';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { openStore, openWritableStore } from '../../src/store/index.ts';
import { formatStorePath, type StorePath } from '../../src/store-path.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix, nix as nixOf } from '../peers/peers.ts';
import { type BuiltClosure, buildClosure, nixPathInfoJson } from '../store/closure-of-nix.ts';
import { filesUnder } from './destinations.ts';
import { parseOutcomes, runNarkit } from './narkit-program.ts';

/** What every store keeps of a path. */
function keptOf({ path, narHash, narSize, references, deriver, signatures, contentAddress }: PathInfo): object {
  return { path, narHash, narSize, references, deriver, signatures, contentAddress };
}

async function nixPathInfos(place: NixPlace, paths: readonly StorePath[]): Promise<Map<StorePath, object>> {
  const parsed = parsePathInfosJson(await nixPathInfoJson(place, paths), { storeDir: place.storeDir });
  return new Map([...parsed].map(([path, info]) => [path, keptOf(info!)]));
}

describeNix('a cache by', (nix) => {
  let place: NixPlace;
  let built: BuiltClosure;
  beforeAll(async () => {
    place = await createNixPlace(nix);
    built = await buildClosure(place);
  });
  afterAll(() => place?.remove());

  async function write(parameters: string): Promise<string> {
    const cache = join(place.directory, `cache-${parameters}`);
    const path = formatStorePath(built.application, place.storeDir);
    await place.run('nix', ['copy', '--to', `file://${cache}?compression=${parameters}`, path]);
    return cache;
  }

  const readable = [
    'none',
    'br',
    'bzip2',
    'gzip',
    'xz',
    'xz&parallel-compression=true',
    'zstd',
    'zstd&compression-level=19',
  ];

  test.each(readable)('as %s is restored and mirrored', async (parameters) => {
    const cache = await write(parameters);
    const from = await openStore(`file://${cache}?store=${place.storeDir}`);
    const infos = await from.queryPathInfos(built.closure);
    expect(new Map([...infos].map(([path, info]) => [path, keptOf(info)]))).toEqual(
      await nixPathInfos(place, built.closure),
    );

    const directory = join(cache, '..', `tree-${parameters}`);
    const tree = await openWritableStore(`tree:${directory}?store=${place.storeDir}`);
    const restored = await copy(from, tree, [built.application]);
    expect(restored.outcomes.flatMap(({ error }) => error?.message ?? [])).toEqual([]);
    expect(restored.copied).toBe(built.closure.length);
    const paths = (await readdir(directory)).sort();
    expect(paths).toEqual(built.closure);
    const { stdout } = await place.run('nix-hash', ['--type', 'sha256', ...paths.map((path) => join(directory, path))]);
    const recorded = built.closure.map((path) => formatHash(infos.get(path)!.narHash, 'base16', { prefix: false }));
    expect(stdout.toString().trim().split('\n')).toEqual(recorded);
    const modes = execFileSync('find', [...paths, '-not', '-type', 'l', '-printf', '%m %T@\n'], { cwd: directory });
    expect(new Set(modes.toString().trim().split('\n'))).toEqual(new Set(['444 1.0000000000', '555 1.0000000000']));

    const mirror = `${cache}-mirror`;
    const to = await openWritableStore(`file://${mirror}?store=${place.storeDir}`);
    expect(await copy(from, to, [built.application])).toMatchObject({ copied: built.closure.length, failed: 0 });
    expect(await filesUnder(mirror)).toEqual(await filesUnder(cache));
    for (const file of await filesUnder(mirror))
      expect((await readFile(join(mirror, file))).equals(await readFile(join(cache, file))), file).toBe(true);
  });

  test.each(['lz4', 'lzip', 'lzma', 'compress'])('as %s is refused by that name, and nothing is left', async (name) => {
    const cache = await write(name);
    const from = await openStore(`file://${cache}?store=${place.storeDir}`);
    const directory = join(place.directory, `tree-${name}`);
    for (const to of [`tree:${directory}`, `file://${directory}-mirror`]) {
      const { outcomes } = await copy(from, await openWritableStore(`${to}?store=${place.storeDir}`), [
        built.application,
      ]);
      expect(outcomes).toHaveLength(built.closure.length);
      for (const { path, error } of outcomes) {
        expect(error).toBeDefined();
        if ((error as { code?: string }).code === 'reference-unavailable') continue;
        expect(error).toMatchObject({ code: 'compression-unsupported' });
        expect(error!.message).toMatch(new RegExp(`${path}.*\\b${name}\\b`));
      }
    }
    expect(await filesUnder(directory)).toEqual([]);
    expect(await filesUnder(`${directory}-mirror`)).toEqual(['nix-cache-info']);
  });
});

describeNix(
  'into the daemon of',
  (nix) => {
    const key = generateSecretKey('narkit-test-1');
    let source: NixPlace;
    let built: BuiltClosure;
    let daemon: NixDaemon;
    let keyFile: string;
    beforeAll(async () => {
      source = await createNixPlace(nixOf('2.34')!, { atNixStore: true });
      built = await buildClosure(source);
      keyFile = join(source.directory, 'narkit-test-1');
      await writeFile(keyFile, formatSecretKey(key), { mode: 0o600 });
    });
    afterAll(() => source?.remove());

    async function writeCache(compression: string): Promise<string> {
      const cache = join(source.directory, compression);
      const path = formatStorePath(built.application);
      await source.run('nix', ['copy', '--to', `file://${cache}?compression=${compression}`, path]);
      return `file://${cache}`;
    }

    /** A daemon with nothing in its store, for as long as the body runs. */
    async function withDaemon(trustedUsers: string, body: () => Promise<void>): Promise<void> {
      const settings = { 'trusted-users': trustedUsers, 'trusted-public-keys': formatPublicKey(key.publicKey) };
      daemon = await startNixDaemon(nix, { atNixStore: true, settings });
      try {
        await body();
      } finally {
        await daemon.stop();
      }
    }

    const importFrom = async (from: string, args: readonly string[] = []): ReturnType<typeof runNarkit> => {
      const to = `unix://${daemon.socketPath}`;
      return runNarkit(['copy', '--json', '--from', from, '--to', to, ...args, formatStorePath(built.application)]);
    };

    test.each(['xz', 'zstd', 'none'])(
      'a cache of %s goes without signatures, where the user is trusted',
      async (compression) => {
        const cache = await writeCache(compression);
        await withDaemon('root', async () => {
          const result = await importFrom(cache, ['--no-check-sigs']);
          expect(result).toMatchObject({ exitCode: 0 });
          expect(parseOutcomes(result).map(({ outcome }) => outcome)).toEqual(built.closure.map(() => 'copied'));
          const { stderr } = await daemon.run('nix-store', ['--verify', '--check-contents']);
          expect(stderr).not.toMatch(/error|warning/);
          expect(await nixPathInfos(daemon.place, built.closure)).toEqual(await nixPathInfos(source, built.closure));
        });
      },
    );

    describe('of an untrusted user', () => {
      test('what a trusted key signed is taken, with its signatures', async () => {
        const unsigned = await writeCache('gzip');
        const signed = `file://${join(source.directory, 'signed')}`;
        const path = formatStorePath(built.application);
        const args = ['copy', '--from', unsigned, '--to', signed, '--secret-key-file', keyFile, path];
        expect(await runNarkit(args)).toMatchObject({ exitCode: 0 });
        await withDaemon('nobody-at-all', async () => {
          const trusted = ['--trusted-public-keys', formatPublicKey(key.publicKey)];
          expect(await importFrom(signed, trusted)).toMatchObject({ exitCode: 0 });
          await daemon.run('nix-store', ['--verify', '--check-contents']);
          await daemon.run('nix', ['store', 'verify', '--recursive', path]);
          const from = await openStore(signed);
          const infos = [...(await from.queryPathInfos(built.closure))].map(
            ([one, info]) => [one, keptOf(info)] as const,
          );
          expect(await nixPathInfos(daemon.place, built.closure)).toEqual(new Map(infos));
        });
      });

      test('what no trusted key signed is refused by the daemon, by name, also with --no-check-sigs', async () => {
        const unsigned = await writeCache('br');
        await withDaemon('nobody-at-all', async () => {
          const result = await importFrom(unsigned, ['--no-check-sigs']);
          expect(result.exitCode).toBe(1);
          const failed = parseOutcomes(result).filter(({ outcome }) => outcome === 'failed');
          expect(failed.length).toBeGreaterThan(0);
          for (const { path, error } of failed)
            expect(error).toMatch(new RegExp(`'${path}' (because it lacks a .*sign|.*reference .* is not there)`));
          // What its content address proves needs no signature.
          const copied = parseOutcomes(result).filter(({ outcome }) => outcome === 'copied');
          expect(copied.map(({ path }) => path.slice(44)).sort()).toEqual([
            'flat',
            'source',
            'text',
            'text-with-reference',
          ]);
        });
      });
    });

    test('without --no-check-sigs, the daemon of a trusted user refuses what no trusted key signed', async () => {
      const from = `tree:${source.realStoreDir}`;
      await withDaemon('root', async () => {
        const result = await importFrom(from);
        expect(result.exitCode).toBe(1);
        const leaf = parseOutcomes(result).find(({ path }) => path.endsWith('-leaf'))!;
        expect(leaf.error).toMatch(/says: cannot add path '.*-leaf' because it lacks a .*sign/);
        expect(await importFrom(from, ['--no-check-sigs'])).toMatchObject({ exitCode: 0 });
      });
    });
  },
  ['root', 'nix-2.34'],
);
