/** Derivations that real Nix wrote, against what it says of them. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeUtf8 } from '../../src/bytes/index.ts';
import { derivationOutputPaths, parseDerivation } from '../../src/derivation/index.ts';
import { formatStorePath } from '../../src/store-path.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';

const expression = String.raw`
  let
    make = name: others: derivation ({
      inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo \"\\hi\" > $out\n\ttab\r" ];
    } // others);
    library = make "library" { outputs = [ "out" "lib" "dev" ]; };
    source = builtins.toFile "source" "text";
    floating = make "floating" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  in [
    (make "plain" { inherit source; lib = library.lib; dev = library.dev; text = "ünïcode \"\\\n\t\r"; empty = ""; })
    (make "fixed" { outputHashAlgo = "sha512"; outputHash = builtins.hashString "sha512" "x"; })
    floating
    (make "deferred" { inherit floating; })
  ]`;

describeNix('derivations', (nix) => {
  let place: NixPlace;
  let derivations: string[];
  beforeAll(async () => {
    place = await createNixPlace(nix, { settings: { 'experimental-features': 'nix-command ca-derivations' } });
    const { stdout } = await place.run('nix-instantiate', ['--expr', expression]);
    const roots = stdout.toString().trim().split('\n');
    const closure = await place.run('nix-store', ['--query', '--requisites', ...roots]);
    derivations = closure.stdout
      .toString()
      .split('\n')
      .filter((path) => path.endsWith('.drv'));
  });
  afterAll(() => place?.remove());

  const read = async (path: string) =>
    parseDerivation(await readFile(join(place.realStoreDir, basename(path))), { storeDir: place.storeDir });

  const query = async (...args: string[]) => {
    const { stdout } = await place.run('nix-store', ['--query', ...args]);
    return stdout.toString().split('\n').filter(Boolean);
  };

  test('inputs are the references', async () => {
    expect(derivations.length).toBe(5);
    for (const path of derivations) {
      const { inputDerivations, inputSources } = await read(path);
      const inputs = [...inputDerivations.keys(), ...inputSources].map((input) =>
        formatStorePath(input, place.storeDir),
      );
      expect(new Set(await query('--references', path))).toEqual(new Set(inputs));
    }
  });

  test('the paths of outputs, as far as Nix knows them', async () => {
    for (const path of derivations) {
      const outputs = derivationOutputPaths(await read(path));
      if (outputs.size === 0) {
        expect(path).toMatch(/-(floating|deferred)\.drv$/);
        continue;
      }
      const paths = [...outputs.values()].map((output) => formatStorePath(output, place.storeDir));
      expect(new Set(await query('--outputs', path))).toEqual(new Set(paths));
    }
  });

  test('system, builder, arguments and environment', async () => {
    const show = nix.version === '2.8' ? ['show-derivation'] : ['derivation', 'show'];
    const { stdout } = await place.run('nix', [
      ...show,
      ...derivations.map((path) => (nix.version === '2.8' ? path : `${path}^*`)),
    ]);
    const document = JSON.parse(stdout.toString());
    const shown = Object.entries<Record<string, unknown>>(document.derivations ?? document);
    expect(shown).toHaveLength(derivations.length);
    for (const [path, { system, builder, args, env }] of shown) {
      const derivation = await read(path);
      expect(derivation.platform).toBe(system);
      expect(derivation.builder).toBe(builder);
      expect(derivation.args.map(decodeUtf8)).toEqual(args);
      expect(Object.fromEntries([...derivation.env].map(([name, value]) => [name, decodeUtf8(value)]))).toEqual(env);
    }
  });
});
