/** The portable part in a browser, in Deno, Bun and a Workers runtime: caches of a real Nix, read over HTTP, and paths written. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describePeer, needPeer, nix } from '../peers/peers.ts';
import { type Bundle, bundle, workerConditions } from './bundle.ts';
import { runPage } from './chromium.ts';
import { guideFile } from './guide-files.ts';
import { createProject } from './packed-package.ts';
import type { Outcome, Report, Task } from './scenario.ts';
import { runWorker } from './workerd.ts';

const run = promisify(execFile);
const compressions = ['none', 'gzip', 'bzip2', 'xz', 'zstd', 'br'] as const;

/** Not those of the Node that runs the tests. */
const env = { PATH: process.env.PATH, HOME: tmpdir(), NO_COLOR: '1' };

describePeer(['nix-2.34', 'nginx'], 'what real Nix wrote, over HTTP, in another runtime', () => {
  let place: NixPlace;
  let nginx: Nginx;
  let project: string;
  let pageFolder: string;
  let page: Bundle;
  let task: Task;
  /** What each cache gives where its compression is read. */
  let expected: Outcome;

  beforeAll(async () => {
    place = await createNixPlace(nix('2.34')!);
    const [path = ''] = await place.build(`derivation {
      name = "tree"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin";
      args = [ "-c" "mkdir -p $out/bin; echo hi > $out/bin/hi; chmod +x $out/bin/hi; ln -s bin/hi $out/link; seq 100000 > $out/numbers; head -c 300000 /dev/urandom > $out/random; echo $out > $out/self" ];
    }`);
    const keyFile = join(place.directory, 'key');
    await writeFile(keyFile, (await place.run('nix', ['key', 'generate-secret', '--key-name', 'cache-1'])).stdout, {
      mode: 0o600,
    });
    const { stdout: publicKey } = await place.run('nix', ['key', 'convert-secret-to-public'], {
      input: await readFile(keyFile),
    });

    const moved = 'location /moved/ { rewrite ^/moved/(.*)$ /zstd/$1 redirect; }';
    nginx = await startNginx({ settings: guideFile('./nginx.conf') + moved });
    for (const compression of compressions) {
      const uri = `file://${nginx.root}/${compression}?compression=${compression}&write-nar-listing=true&secret-key=${keyFile}`;
      await place.run('nix', ['copy', '--to', uri, path]);
    }
    const hashPart = basename(path).slice(0, 32);
    await cp(join(nginx.root, 'none'), join(nginx.root, 'damaged'), { recursive: true });
    const [nar = ''] = await readdir(join(nginx.root, 'damaged/nar'));
    const bytes = await readFile(join(nginx.root, 'damaged/nar', nar));
    bytes[bytes.length - 200]! ^= 1;
    await writeFile(join(nginx.root, 'damaged/nar', nar), bytes);

    const { stdout: infos } = await place.run('nix', ['path-info', '--json', path]);
    const { narHash, narSize } = Object.values<{ narHash: string; narSize: number }>(JSON.parse(infos.toString()))[0]!;
    const { stdout: base32 } = await place.run('nix', ['hash', 'convert', '--to', 'nix32', narHash]);
    expected = {
      path: basename(path),
      trusted: true,
      narHash: `sha256:${base32.toString().trim()}`,
      narSize,
      listing: await readFile(join(nginx.root, 'none', `${hashPart}.ls`), 'utf8'),
    };
    task = {
      storeDir: place.storeDir,
      publicKey: publicKey.toString(),
      hashPart,
      read: [...compressions, 'moved', 'damaged'].map((name) => `${nginx.url}/${name}`),
      part: `${nginx.url}/zstd/nix-cache-info`,
      write: ['none', 'gzip', 'zstd'],
    };

    project = await createProject();
    for (const name of ['scenario.ts', 'page.ts', 'program.ts', 'worker.ts'])
      await cp(join(import.meta.dirname, name), join(project, name));
    const fixtures = join(import.meta.dirname, '../../fixtures');
    for (const name of ['demo.mjs', 'store']) await cp(join(fixtures, name), join(project, name), { recursive: true });
    pageFolder = await mkdtemp(join(tmpdir(), 'narkit-page-'));
    page = await bundle({ project, entry: 'page.ts', outDir: pageFolder });
  });
  afterAll(async () => {
    await nginx?.stop();
    await place?.remove();
    for (const folder of [project, pageFolder]) if (folder !== undefined) await rm(folder, { recursive: true });
  });

  /** A task with a cache of the runtime's own to put a path into. */
  const taskFor = (runtime: string): Task => ({ ...task, upload: `${nginx.url}/${runtime}` });

  /** All that a runtime must have done, but for what it must refuse. */
  async function checkReport(text: string, runtime: string, refused: readonly string[] = []): Promise<void> {
    const { read, part, write, upload } = JSON.parse(text) as Report;
    const refusal = (what: string) => ({
      error: expect.stringMatching(`^compression-unsupported: .*${what} is not supported here`),
    });
    for (const [index, compression] of compressions.entries()) {
      const isRefused = refused.includes(`reading ${compression}`);
      expect(read[index], compression).toEqual(isRefused ? refusal(`reading ${compression}`) : expected);
    }
    expect(read.at(-2), 'moved').toEqual(expected);
    expect(read.at(-1), 'damaged').toEqual({ error: expect.stringMatching(/^nar-\S+: /) });

    expect(part).toBe(`reDir of ${(await stat(join(nginx.root, 'zstd/nix-cache-info'))).size}`);

    expect(upload).toMatchObject({ trusted: true, narSize: 3_000_872 });
    for (const [index, compression] of task.write.entries()) {
      const isRefused = refused.includes(`writing ${compression}`);
      expect(write[index], compression).toEqual(isRefused ? refusal(`writing ${compression}`) : upload);
    }
    // Nix says the same of what was uploaded.
    const path = `${place.storeDir}/${(upload as { path: string }).path}`;
    await place.run('nix', ['store', 'verify', '--no-trust', '--store', `file://${nginx.root}/${runtime}`, path]);
  }

  test('a bundler takes it without a word, and finds nothing of Node', () => {
    expect(page.warnings).toEqual([]);
    expect(page.imports).toEqual([]);
    for (const { code } of page.chunks) expect(code).not.toMatch(/\b(from|import|require)\b[\s(]*["'`]node:/);
  });

  describePeer('chromium', 'a page in Chromium', () => {
    test('reads what it can, checks all of it, and writes', async () => {
      await checkReport(await runPage(pageFolder, taskFor('chromium')), 'chromium', ['reading br']);
    });

    test('says so when a cache does not let it in', async () => {
      const closed = await startNginx({ root: nginx.root });
      try {
        const text = await runPage(pageFolder, { ...task, read: [`${closed.url}/none`], part: undefined, write: [] });
        const { read } = JSON.parse(text) as Report;
        expect(read).toEqual([{ error: expect.stringContaining('backend-unreachable: GET http://127.0.0.1:') }]);
      } finally {
        await closed.stop();
      }
    });
  });

  describePeer('workerd', 'a Worker', () => {
    test('reads what it can, checks all of it, and writes', async () => {
      const folder = join(project, 'worker');
      await mkdir(folder);
      const { imports } = await bundle({ project, entry: 'worker.ts', outDir: folder, conditions: workerConditions });
      expect(imports).toEqual(['./xxhash.wasm']);
      await checkReport(await runWorker(folder, taskFor('worker')), 'worker', ['reading br', 'writing zstd']);
    });
  });

  describe.each(['deno', 'bun'] as const)('%s', (runtime) => {
    const options = runtime === 'deno' ? ['run', '--no-prompt', '--allow-all'] : [];
    const runProgram = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await run(needPeer(runtime), [...options, ...args], { cwd: project, env });
      expect(stderr).toBe('');
      return stdout;
    };

    describePeer(runtime, 'with the package from npm', () => {
      test('reads all, checks all of it, and writes', async () => {
        await checkReport(await runProgram('program.ts', JSON.stringify(taskFor(runtime))), runtime);
      });

      test('does so by what a browser gets, too', async () => {
        const outDir = join(project, `bundle-${runtime}`);
        await bundle({ project, entry: 'program.ts', outDir });
        const text = await runProgram(join(outDir, 'entry.js'), JSON.stringify(taskFor(`bundle-${runtime}`)));
        await checkReport(text, `bundle-${runtime}`, ['reading br']);
      });

      test("does the main job on files, by the parts that are Node's", async () => {
        const said = await runProgram('demo.mjs');
        expect(said).toContain('Its signature is good.');
        expect(said.match(/^ {2}copied /gm)).toHaveLength(3);
      });
    });
  });
});
