/** The hook in mode `queue` as a real Nix calls it, while that Nix collects its garbage. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { openSpool } from '../../src/queue/index.ts';
import { startNixDaemon } from '../peers/nix-daemon.ts';
import { describeNix } from '../peers/peers.ts';
import { narkitHookProgram as hook } from '../programs.ts';

/** Three derivations with two outputs each, each of which refers to the one before it. */
const chain = `
  let
    make = previous: index: derivation {
      name = "queued-\${toString index}"; system = builtins.currentSystem; builder = "/bin/sh"; outputs = [ "out" "doc" ];
      args = [ "-c" "echo \${previous} > $out; echo about $out > $doc" ];
    };
  in builtins.foldl' make "nothing" [ 1 2 3 ]
`;

describeNix(
  'narkit-hook',
  (nix) => {
    it('queues all that is built, and no collection of garbage comes between', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'narkit-queued-'));
      const queue = join(directory, 'queue');
      const config = join(directory, 'config.toml');
      await chmod(hook, 0o755);
      await writeFile(config, `to = "s3://nowhere.invalid"\n[queue]\ndirectory = "${queue}"\n`);
      // Before the hook has made a root, what was built is safe with the process that built it.
      const collecting = join(directory, 'collecting');
      await writeFile(
        collecting,
        `#!/bin/sh\nnix-store --gc > ${directory}/collected 2>&1 || exit 1\n${hook} && nix-store --gc > ${directory}/collected 2>&1\n`,
        { mode: 0o755 },
      );
      const settings = { 'post-build-hook': collecting };
      const daemon = await startNixDaemon(nix, { atNixStore: true, settings, env: { NARKIT_CONFIG: config } });
      try {
        const { stdout, stderr } = await daemon.run('nix-build', ['--no-out-link', '--expr', chain]);
        expect(stderr).not.toContain('narkit-hook:');
        const onDisk = (path: string): string => join(daemon.place.realStoreDir, basename(path));

        const gcRootsDirectory = join(daemon.place.realStateDir, 'gcroots/narkit');
        const spool = await openSpool(queue, { gcRootsDirectory });
        const ids = await spool.listRecordIds();
        const records = await Promise.all(ids.map((id) => spool.readRecord(id)));
        expect(records.map((record) => record?.derivation?.slice(33))).toEqual([
          'queued-1.drv',
          'queued-2.drv',
          'queued-3.drv',
        ]);
        expect(records.map((record) => record?.paths.map((path) => path.slice(33)).sort())).toEqual([
          ['queued-1', 'queued-1-doc'],
          ['queued-2', 'queued-2-doc'],
          ['queued-3', 'queued-3-doc'],
        ]);
        expect(records.at(-1)?.paths).toContain(basename(stdout.toString().trim()));
        const paths = records.flatMap((record) => record?.paths ?? []);
        expect(await readdir(gcRootsDirectory)).toHaveLength(6);

        await daemon.place.run('nix-collect-garbage', []);
        expect(paths.filter((path) => !existsSync(onDisk(path)))).toEqual([]);
        for (const id of ids) await spool.removeRecord(id);
        await daemon.place.run('nix-collect-garbage', []);
        expect(paths.filter((path) => existsSync(onDisk(path)))).toEqual([]);
      } finally {
        await daemon.stop();
        await rm(directory, { recursive: true });
      }
    });
  },
  ['root'],
);
