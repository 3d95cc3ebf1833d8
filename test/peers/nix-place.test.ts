import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNixPlace, type NixPlace } from './nix-place.ts';
import { describeNix, type Nix } from './peers.ts';

const chain = `
  let make = name: script: derivation {
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
  };
  first = make "first" "echo hello > $out";
  in make "second" "echo \${first} > $out"`;

for (const atNixStore of [false, true]) {
  const title = atNixStore ? 'a place at /nix/store' : 'a place with a store directory of its own';
  const body = (nix: Nix) => {
    let place: NixPlace;
    beforeAll(async () => {
      place = await createNixPlace(nix, { atNixStore });
    });
    afterAll(() => place.remove());

    test('is of the generation that it says', async () => {
      const { stdout } = await place.run('nix', ['--version']);
      expect(stdout.toString()).toContain(` ${nix.version}.`);
    });

    test('builds into its own folder', async () => {
      const [path] = await place.build(chain);
      expect(path).toContain(`${place.storeDir}/`);
      expect(existsSync(join(place.realStoreDir, basename(path ?? '')))).toBe(true);
      expect(existsSync(join(place.realStateDir, 'db/db.sqlite'))).toBe(true);
    });

    test('says what a failing program said', async () => {
      await expect(place.run('nix-store', ['--query', '--hash', '/absent'])).rejects.toThrow('/absent');
      const { exitCode } = await place.run('nix-store', ['--query', '--hash', '/absent'], { mayFail: true });
      expect(exitCode).toBe(1);
    });
  };
  describeNix(title, body, atNixStore ? ['root'] : []);
}
