import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NixDaemon, startNixDaemon } from './nix-daemon.ts';
import { describeNix, type Nix } from './peers.ts';

const expression = `derivation {
  name = "hello"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo hello > $out" ];
}`;

for (const atNixStore of [false, true]) {
  const title = `a daemon ${atNixStore ? 'at /nix/store' : 'with a store directory of its own'}`;
  const body = (nix: Nix): void => {
    let daemon: NixDaemon;
    beforeAll(async () => {
      daemon = await startNixDaemon(nix, { atNixStore });
    });
    afterAll(() => daemon.stop());

    test('builds, and says who asked it', async () => {
      const [path = ''] = await daemon.build(expression);
      expect(path).toContain(`${daemon.place.storeDir}/`);
      expect(existsSync(join(daemon.place.realStoreDir, basename(path)))).toBe(true);
      expect(await daemon.log()).toContain('accepted connection');
    });
  };
  describeNix(title, body, atNixStore ? ['root'] : []);
}

describeNix('a daemon with a post-build-hook', (nix) => {
  test('runs it after each build, with the environment of the daemon', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'narkit-hook-'));
    const [hook, note] = [join(folder, 'hook'), join(folder, 'note')];
    await writeFile(hook, `#!/bin/sh\necho "$NOTED $DRV_PATH" >> ${note}\n`);
    await chmod(hook, 0o755);
    const daemon = await startNixDaemon(nix, { settings: { 'post-build-hook': hook }, env: { NOTED: 'yes' } });
    try {
      await daemon.build(expression);
      expect(await readFile(note, 'utf8')).toMatch(/^yes .*-hello\.drv\n$/);
    } finally {
      await daemon.stop();
      await rm(folder, { recursive: true });
    }
  });
});
