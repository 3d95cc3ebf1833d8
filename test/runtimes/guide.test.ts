/** docs/runtimes.md: its programs run in the runtimes that they are for, on a cache that narkit wrote. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copy } from '../../src/copy/index.ts';
import { formatPublicKey, generateSecretKey } from '../../src/signing/index.ts';
import { openStore, openWritableStore } from '../../src/store/index.ts';
import { outputPattern } from '../docs/guide.ts';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { describePeer, needPeer } from '../peers/peers.ts';
import { bundle, workerConditions } from './bundle.ts';
import { runPage } from './chromium.ts';
import { guide, guideFile } from './guide-files.ts';
import { createProject } from './packed-package.ts';
import { runWorker } from './workerd.ts';

const run = promisify(execFile);
const commands = guide.filter((step) => step.kind === 'command');
const listing = commands[0]!.output;

describePeer('nginx', 'docs/runtimes.md', () => {
  let nginx: Nginx;
  let project: string;

  beforeAll(async () => {
    nginx = await startNginx({ settings: guideFile('./nginx.conf') });
    const secretKey = generateSecretKey('cache.example.org-1');
    const from = await openStore(`tree:${join(import.meta.dirname, '../../fixtures/store')}`);
    const to = await openWritableStore(`file://${nginx.root}?compression=xz`);
    const greet = await from.queryPathFromHashPart('sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r');
    expect((await copy(from, to, [greet!], { secretKeys: [secretKey] })).failed).toBe(0);

    project = await createProject();
    for (const step of guide) {
      if (step.kind !== 'file') continue;
      const ofThisCache = step.text
        .replace('https://cache.example.org', nginx.url)
        .replace(/cache\.example\.org-1:[\w+/=]+/, formatPublicKey(secretKey.publicKey));
      await writeFile(join(project, step.path), ofThisCache);
    }
  });
  afterAll(async () => {
    await nginx?.stop();
    if (project !== undefined) await rm(project, { recursive: true });
  });

  test('a page is as small as it says', async () => {
    const outDir = await mkdtemp(join(tmpdir(), 'narkit-size-'));
    const { chunks } = await bundle({ project, entry: 'page.ts', outDir });
    await rm(outDir, { recursive: true });
    const sizeOf = (name: RegExp): number =>
      gzipSync(chunks.flatMap(({ fileName, code }) => (name.test(fileName) ? code : [])).join('\n')).length;
    expect(sizeOf(/entry|rolldown-runtime|xxhash/)).toBeLessThan(50_000);
    expect(sizeOf(/xz-decompress/)).toBeLessThan(12_000);
  });

  describePeer('chromium', 'in Chromium', () => {
    test.each(['page.ts', 'page-with-worker.ts'])('%s lists the path', async (page) => {
      // What a person would see.
      const watching = `
        import './${page}';
        while (document.body.innerText === '') await new Promise((resolve) => setTimeout(resolve, 20));
        await fetch('/report', { method: 'POST', body: document.body.innerText });`;
      await writeFile(join(project, `watched-${page}`), watching);
      const outDir = join(project, `out-${page}`);
      await bundle({ project, entry: `watched-${page}`, outDir });
      expect(await runPage(outDir, undefined)).toMatch(outputPattern(listing));
    });
  });

  describePeer('workerd', 'in workerd', () => {
    test('the Worker lists the path', async () => {
      const folder = join(project, 'out-worker');
      await mkdir(folder);
      await bundle({ project, entry: 'worker.ts', outDir: folder, conditions: workerConditions });
      const answer = await runWorker(folder, undefined, '/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r');
      expect(JSON.parse(answer)).toEqual(listing);
    });
  });

  describe.each(commands)('$command', ({ command, output }) => {
    const program = command.startsWith('deno') ? 'deno' : 'bun';
    describePeer(program, 'at the prompt', () => {
      test('lists the path', async () => {
        const path = [dirname(needPeer(program)), process.env.PATH].join(delimiter);
        const env = { PATH: path, HOME: project, NO_COLOR: '1' };
        const { stdout } = await run('/bin/sh', ['-c', command], { cwd: project, env });
        expect(stdout).toMatch(outputPattern(output));
      });
    });
  });
});
