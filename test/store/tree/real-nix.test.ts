import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatHash } from '../../../src/hash/index.ts';
import type { PathInfo } from '../../../src/path-info.ts';
import { parsePathInfosJson } from '../../../src/path-info-json.ts';
import { openTreeStore } from '../../../src/store/tree/tree-store.ts';
import { parseStorePath, type StorePath } from '../../../src/store-path.ts';
import { createNixPlace, type NixPlace } from '../../peers/nix-place.ts';
import { describeNix } from '../../peers/peers.ts';
import { type BuiltClosure, buildClosure, bytesOf, nixDump, nixPathInfoJson } from '../closure-of-nix.ts';

/** What a tree can know of a path. */
function contentsOf(info: PathInfo | undefined): unknown {
  return info && [info.path, formatHash(info.narHash, 'nix32'), info.narSize, info.references];
}

describeNix('the tree of a store', (nix) => {
  let place: NixPlace;
  let built: BuiltClosure;
  beforeAll(async () => {
    place = await createNixPlace(nix);
    built = await buildClosure(place);
  });
  afterAll(() => place?.remove());

  async function nixPathInfos(paths: readonly StorePath[]): Promise<Map<StorePath, PathInfo | undefined>> {
    return parsePathInfosJson(await nixPathInfoJson(place, paths), { storeDir: place.storeDir });
  }

  async function buildPath(expression: string): Promise<StorePath> {
    const [path] = await place.build(expression);
    return parseStorePath(path!, place.storeDir);
  }

  it('says of each path what Nix recorded, derivations and texts too', async () => {
    const store = await openTreeStore({ directory: place.realStoreDir, storeDir: place.storeDir });
    const { stdout } = await place.run('nix', ['path-info', '--json', '--all']);
    const expected = parsePathInfosJson(stdout.toString(), { storeDir: place.storeDir });
    const all = [...expected.keys()];
    expect(all.some((path) => path.endsWith('.drv'))).toBe(true);
    const infos = await store.queryPathInfos(all);
    for (const path of all) expect(contentsOf(infos.get(path))).toEqual(contentsOf(expected.get(path)));
    const listed: StorePath[] = [];
    for await (const path of store.queryAllValidPaths()) listed.push(path);
    expect(listed).toEqual(expect.arrayContaining(all));
  });

  it('restores a closure that Nix dumps alike', async () => {
    const from = await openTreeStore({ directory: place.realStoreDir, storeDir: place.storeDir });
    const directory = join(place.directory, 'tree');
    const to = await openTreeStore({ directory, storeDir: place.storeDir, create: true });
    for (const info of (await from.queryPathInfos(built.closure)).values())
      await (await to.prepare(info, () => from.narFromPath(info.path))).publish();
    expect(readdirSync(directory).sort()).toEqual([...built.closure]);
    for (const path of built.closure) {
      const { stdout } = await place.run('nix-store', ['--dump', join(directory, path)]);
      expect(stdout.equals(await nixDump(place, path))).toBe(true);
      expect(stdout.equals(await bytesOf(to.narFromPath(path)))).toBe(true);
    }
    // Modes and times of everything, as Nix left them in its own store.
    const describe = (parent: string): string =>
      execFileSync('find', [...built.closure, '-printf', '%p %M %T@ %l\n'], { cwd: parent, encoding: 'utf8' })
        .split('\n')
        .sort()
        .join('\n');
    expect(describe(directory)).toBe(describe(place.realStoreDir));
  });

  it('finds the references that a text was added without', async () => {
    const path = await buildPath(`
      let text = builtins.toFile "target" "a text";
          discarded = builtins.toFile "discarded" (builtins.unsafeDiscardStringContext "see \${text}");
      in derivation { name = "discarding"; system = builtins.currentSystem; builder = "/bin/sh";
        args = [ "-c" "read line < \${discarded}; echo \${discarded} > $out" ]; inherit text; }`);
    const [discarded] = (await nixPathInfos([path])).get(path)!.references;
    const store = await openTreeStore({ directory: place.realStoreDir, storeDir: place.storeDir });
    expect((await nixPathInfos([discarded!])).get(discarded!)!.references).toEqual([]);
    expect((await store.queryPathInfo(discarded!))!.references).toEqual([expect.stringMatching(/-target$/)]);
  });

  if (nix.version !== '2.8')
    it('finds the references that a derivation discarded', async () => {
      const path = await buildPath(`
        derivation { name = "discarded"; system = builtins.currentSystem; builder = "/bin/sh";
          args = [ "-c" "echo \${builtins.toFile "target" "a text"} > \${placeholder "out"}" ];
          __structuredAttrs = true; unsafeDiscardReferences.out = true; }`);
      const store = await openTreeStore({ directory: place.realStoreDir, storeDir: place.storeDir });
      expect((await nixPathInfos([path])).get(path)!.references).toEqual([]);
      expect((await store.queryPathInfo(path))!.references).toEqual([expect.stringMatching(/-target$/)]);
    });
});
