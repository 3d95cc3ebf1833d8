/**
 * Store paths of every kind, made by a real Nix: with and without references, a deriver, a content address, signatures.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNixPlace, type NixPlace } from './peers/nix-place.ts';
import type { Nix } from './peers/peers.ts';

const expression = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    };
    text = builtins.toFile "text" "a text";
    textWithReference = builtins.toFile "text-with-reference" text;
    first = make "first" "echo \${textWithReference} > $out";
  in {
    inherit first;
    second = make "second" "echo $out \${first} \${text} > $out";
    flatSha512 = derivation {
      name = "flat"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo flat > $out" ];
      outputHashMode = "flat"; outputHashAlgo = "sha512";
      outputHash = builtins.hashString "sha512" "flat\\n";
    };
    contentAddressed = derivation {
      name = "content-addressed"; system = builtins.currentSystem; builder = "/bin/sh";
      args = [ "-c" "echo $out \${text} > $out" ];
      __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";
    };
  }`;

/** A place, all of its valid paths, and the files of two secret keys. */
export interface StorePathsPlace extends NixPlace {
  readonly paths: readonly string[];
  /** Under 2.34 their names are such that it sorts their signatures otherwise than older ones would. */
  readonly keyFiles: readonly [string, string];
}

/** Build the paths. Some are signed by the first key, some by both. */
export async function createStorePathsPlace(nix: Nix): Promise<StorePathsPlace> {
  const settings = { 'experimental-features': 'nix-command ca-derivations' };
  const place = await createNixPlace(nix, { settings });
  const keyFiles = [join(place.directory, 'key-1'), join(place.directory, 'key-2')] as const;
  const keyNames = ['cache.example.org-1', nix.version === '2.34' ? 'cache.example.org' : 'cache.example.org-2'];
  for (const [index, name] of keyNames.entries()) {
    const { stdout } = await place.run('nix', ['key', 'generate-secret', '--key-name', name]);
    await writeFile(keyFiles[index]!, stdout, { mode: 0o600 });
  }
  await place.build(expression);
  const source = join(place.directory, 'source');
  await writeFile(source, 'a source');
  await place.run('nix-store', ['--add', source]);
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'])
    for (const mode of [[], ['--recursive']]) await place.run('nix-store', ['--add-fixed', ...mode, algorithm, source]);
  const { stdout } = await place.run('nix', ['path-info', '--all']);
  const paths = stdout.toString().trim().split('\n');
  await place.run('nix', [
    'store',
    'sign',
    '--key-file',
    keyFiles[0],
    ...paths.filter((path) => !path.endsWith('.drv')),
  ]);
  await place.run('nix', [
    'store',
    'sign',
    '--key-file',
    keyFiles[1],
    ...paths.filter((path) => /first$|second$/.test(path)),
  ]);
  return { ...place, paths, keyFiles };
}
