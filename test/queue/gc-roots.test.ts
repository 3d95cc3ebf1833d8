/** What waits outlives Nix's own garbage collector, and goes when it no longer waits. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { defaultGcRootsDirectory, openSpool } from '../../src/queue/index.ts';
import { parseStorePath } from '../../src/store-path.ts';
import { createNixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';

it('lie below the state directory of the local Nix', () => {
  expect(defaultGcRootsDirectory({})).toBe('/nix/var/nix/gcroots/narkit');
  expect(defaultGcRootsDirectory({ NIX_STATE_DIR: '/state' })).toBe('/state/gcroots/narkit');
});

describeNix('nix-collect-garbage', (nix) => {
  it('spares what waits, with its closure, and takes what is done', async () => {
    const place = await createNixPlace(nix);
    const directory = await mkdtemp(join(tmpdir(), 'narkit-roots-'));
    try {
      const make = (name: string, text: string): string =>
        `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${text} > $out" ]; }`;
      const [dependent] = await place.build(make('dependent', `\${${make('dependency', 'x')}}`));
      const [dependency] = await place.build(make('dependency', 'x'));
      const [garbage] = await place.build(make('garbage', 'y'));
      const gcRootsDirectory = defaultGcRootsDirectory(place.env);
      const spool = await openSpool(directory, { create: true, gcRootsDirectory });
      const paths = [parseStorePath(dependent!, place.storeDir)];
      const ids = [
        await spool.addRecord({ storeDir: place.storeDir, paths }),
        await spool.addRecord({ storeDir: place.storeDir, paths }),
      ];
      await place.run('nix-collect-garbage', []);
      expect([dependent, dependency, garbage].map((path) => existsSync(path!))).toEqual([true, true, false]);

      await spool.removeRecord(ids[0]!);
      await place.run('nix-collect-garbage', []);
      expect(existsSync(dependent!)).toBe(true);

      // As after a hook that might not write there.
      await rm(gcRootsDirectory, { recursive: true });
      await spool.sweep();
      await place.run('nix-collect-garbage', []);
      expect(existsSync(dependent!)).toBe(true);

      await spool.removeRecord(ids[1]!);
      await place.run('nix-collect-garbage', []);
      expect(existsSync(dependent!)).toBe(false);
    } finally {
      await place.remove();
      await rm(directory, { recursive: true });
    }
  });
});
