/** `narkit copy` where something is wrong, and when it is interrupted: what it says, and what it leaves. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMountedPlace } from '../backend/filesystem/filesystem-place.ts';
import { type FaultyProxy, startProxy } from '../backend/s3/proxy.ts';
import { type Nginx, startNginx } from '../peers/nginx.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { sqlite } from '../store/database/nix-database.ts';
import { type Destination, fileDestination, filesUnder, httpDestination, s3Destination } from './destinations.ts';
import { type NarkitResult, parseOutcomes, runNarkit, startNarkit } from './narkit-program.ts';

const names = ['good', 'other', 'changed', 'dependent', 'gone', 'large', 'huge'] as const;
type Name = (typeof names)[number];
const expression = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-e" "-c" script ];
      PATH = "/usr/bin:/bin";
    };
    changed = make "changed" "mkdir $out; echo as it was built > $out/file";
  in [
    (make "good" "echo good > $out")
    (make "other" "echo other > $out")
    changed
    (make "dependent" "echo \${changed} > $out")
    (make "gone" "echo gone > $out")
    (make "large" "head -c 3000000 /dev/urandom > $out")
    (make "huge" "head -c 200000000 /dev/zero > $out")
  ]
`;

describePeer(['nix-2.34', 's3', 'nginx', 'root'], 'narkit copy of what a real Nix built', () => {
  let directory: string;
  let temporary: string;
  let daemon: NixDaemon;
  let nginx: Nginx;
  let s3: S3Server;
  let pathOf: Record<Name, string>;
  let folders = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-failures-'));
    temporary = join(directory, 'temporary');
    await mkdir(temporary);
    daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true });
    const paths = await daemon.build(expression);
    pathOf = Object.fromEntries(names.map((name, index) => [name, paths[index]])) as Record<Name, string>;
    const onDisk = (name: Name): string => join(daemon.place.realStoreDir, basename(pathOf[name]));
    const file = join(onDisk('changed'), 'file');
    await chmod(file, 0o644);
    await writeFile(file, 'as it was not built\n');
    await rm(onDisk('gone'));
    nginx = await startNginx();
    s3 = await startS3Server();
  });
  afterAll(async () => {
    await s3?.stop();
    await nginx?.stop();
    await daemon?.stop();
    await rm(directory, { recursive: true });
  });

  const copyArguments = (to: string, copied: readonly Name[], from = `unix://${daemon.socketPath}`): string[] => [
    ...['copy', '--from', from, '--to', to, '--json'],
    ...copied.map((name) => pathOf[name]),
  ];
  const narinfoOf = (name: Name): string => `${basename(pathOf[name]).slice(0, 32)}.narinfo`;
  const narinfosOf = (keys: readonly string[]): string[] => keys.filter((key) => key.endsWith('.narinfo'));
  const newFile = (parameters?: string): Destination =>
    fileDestination(join(directory, `cache-${++folders}`), parameters);
  const newHttp = (endpoint?: string): Promise<Destination> => httpDestination(nginx, `cache-${++folders}`, endpoint);

  /** What became of each path, by its name: the outcome, or the error. */
  function outcomesOf(result: NarkitResult): Partial<Record<Name, string>> {
    const lines = parseOutcomes(result).map(({ path, outcome, error }) => {
      const name = names.find((candidate) => pathOf[candidate] === path)!;
      expect(outcome === 'failed').toBe(error !== undefined);
      return [name, error ?? outcome] as const;
    });
    return Object.fromEntries(lines);
  }

  describe('paths that are not what was registered', () => {
    const sources: Record<string, () => string> = {
      daemon: () => `unix://${daemon.socketPath}`,
      ...(sqlite && { database: () => `local?root=${daemon.place.directory}` }),
    };
    const destinations: Record<string, () => Destination | Promise<Destination>> = {
      files: () => newFile(),
      nginx: () => newHttp(),
      S3: () => s3Destination(s3),
    };
    const cases = Object.keys(sources).flatMap((from) => Object.keys(destinations).map((to) => [from, to] as const));

    it.each(cases)('from the %s to %s: these fail, the others are there', async (from, to) => {
      const destination = await destinations[to]!();
      const copied = ['changed', 'good', 'dependent', 'gone', 'other'] as const;
      const args = copyArguments(destination.uri, copied, sources[from]!());
      const result = await runNarkit(args, { ...destination.env, TMPDIR: temporary });
      expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/: 2 copied .*, 3 failed\n$/) });
      const outcomes = outcomesOf(result);
      expect(outcomes).toMatchObject({ good: 'copied', other: 'copied' });
      expect(outcomes.changed).toContain(pathOf.changed);
      expect(outcomes.changed!.match(/sha256:\w{52}/g)).toHaveLength(2);
      expect(outcomes.gone).toContain(basename(pathOf.gone));
      expect(outcomes.dependent).toContain(`reference '${pathOf.changed}' is not there`);

      expect(narinfosOf(await destination.keys())).toEqual([narinfoOf('good'), narinfoOf('other')].sort());
      expect(await readdir(temporary)).toEqual([]);
    });
  });

  it('a cache of files on a full disk', async () => {
    const place = createMountedPlace('size=1m');
    try {
      const destination = fileDestination(place.directory, 'compression=none');
      // One after the other: beside the one that fills the disk, the small one may find no room either.
      const result = await runNarkit(copyArguments(destination.uri, ['large']));
      expect(result.exitCode).toBe(1);
      const noSpace = expect.stringMatching(new RegExp(`${place.directory}.*no space is left`));
      expect(outcomesOf(result)).toEqual({ large: noSpace });
      const small = await runNarkit(copyArguments(destination.uri, ['good']));
      expect(outcomesOf(small)).toEqual({ good: 'copied' });
      const keys = await destination.keys();
      expect(keys).toHaveLength(3);
      expect(narinfosOf(keys)).toEqual([narinfoOf('good')]);
    } finally {
      place.remove();
    }
  });

  it('no room for what waits for its upload', async () => {
    const place = createMountedPlace('size=1m');
    try {
      const destination = await newHttp();
      const env = { TMPDIR: place.directory };
      const result = await runNarkit(copyArguments(destination.uri, ['large', 'good']), env);
      expect(result.exitCode).toBe(1);
      expect(outcomesOf(result)).toEqual({
        good: 'copied',
        large: expect.stringMatching(new RegExp(`'${place.directory}' \\(TMPDIR .*ENOSPC`)),
      });
      expect(narinfosOf(await destination.keys())).toEqual([narinfoOf('good')]);
      expect(await readdir(place.directory)).toEqual([]);
    } finally {
      place.remove();
    }
  });

  it('a read-only disk', async () => {
    const place = createMountedPlace('size=1m');
    try {
      execFileSync('mount', ['-o', 'remount,ro', place.directory]);
      const destination = fileDestination(place.directory);
      const result = await runNarkit(copyArguments(destination.uri, ['other', 'good']));
      expect(result.exitCode).toBe(1);
      const readOnly = expect.stringMatching(new RegExp(`${place.directory}.*read-only`));
      expect(outcomesOf(result)).toEqual({ good: readOnly, other: readOnly });
      expect(await destination.keys()).toEqual([]);
    } finally {
      place.remove();
    }
  });

  it('a cache for another store directory', async () => {
    const destination = newFile();
    const cache = join(directory, `cache-${folders}`);
    await mkdir(cache);
    await writeFile(join(cache, 'nix-cache-info'), 'StoreDir: /other/store\n');
    const result = await runNarkit(copyArguments(destination.uri, ['good']));
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^error: .*cache-\d+.*prefix '\/other\/store', not '\/nix\/store'\n$/);
    expect(await destination.keys()).toEqual(['nix-cache-info']);
  });

  it('a narinfo that is there and corrupt', async () => {
    const destination = newFile();
    const file = join(directory, `cache-${folders}`, narinfoOf('good'));
    await mkdir(join(directory, `cache-${folders}`));
    await writeFile(file, 'StorePath: nonsense\n');
    const result = await runNarkit(copyArguments(destination.uri, ['good', 'other']));
    expect(result.exitCode).toBe(1);
    expect(outcomesOf(result)).toEqual({ good: expect.stringContaining(narinfoOf('good')), other: 'copied' });
    expect(await readFile(file, 'utf8')).toBe('StorePath: nonsense\n');
    expect(narinfosOf(await destination.keys())).toEqual([narinfoOf('good'), narinfoOf('other')].sort());
  });

  describe('interrupted by Ctrl-C', () => {
    /** Interrupt it when the time has come; it ends by itself, soon, and leaves nothing of its own. */
    async function interrupt(
      destination: Destination,
      copied: readonly Name[],
      when: () => Promise<boolean>,
      from?: string,
    ): Promise<string[]> {
      const env = { ...destination.env, TMPDIR: temporary };
      const narkit = startNarkit([...copyArguments(destination.uri, copied, from), '--no-check-sigs'], env);
      while (!(await when()) && narkit.process.exitCode === null) await sleep(2);
      narkit.process.kill('SIGINT');
      const result = await narkit.result;
      expect(result).toMatchObject({ exitCode: 130, stdout: '' });
      expect(await readdir(temporary)).toEqual([]);
      return destination.keys();
    }

    /** Is more than a beginning of a file there? */
    async function isBeingWritten(folder: string): Promise<boolean> {
      for (const file of await filesUnder(folder).catch(() => [])) {
        const stats = await stat(join(folder, file)).catch(() => undefined);
        if (stats !== undefined && stats.size > 1_000_000) return true;
      }
      return false;
    }

    it('while a file is written', async () => {
      const destination = newFile('compression=none');
      const nars = join(directory, `cache-${folders}`, 'nar');
      expect(await interrupt(destination, ['huge'], () => isBeingWritten(nars))).toEqual(['nix-cache-info']);
    });

    describe('out of a cache of files', () => {
      const cache = (): string => `file://${directory}/whole`;
      beforeAll(async () => {
        const whole = await runNarkit(copyArguments(`${cache()}?compression=none`, ['huge']));
        expect(whole.exitCode).toBe(0);
      });

      it('while its file is handed on', async () => {
        const destination = newFile();
        const nars = join(directory, `cache-${folders}`, 'nar');
        const keys = await interrupt(destination, ['huge'], () => isBeingWritten(nars), cache());
        expect(keys).toEqual(['nix-cache-info']);
      });

      it('while it is restored', async () => {
        const tree = join(directory, 'tree');
        const destination = { uri: `tree:${tree}`, env: {}, keys: () => readdir(tree) };
        expect(await interrupt(destination, ['huge'], () => isBeingWritten(tree), cache())).toEqual([]);
      });
    });

    describe('while the server', () => {
      let proxy: FaultyProxy;
      const through: Record<string, () => Promise<Destination>> = {
        async nginx() {
          proxy = await startProxy(nginx.url);
          return newHttp(proxy.endpoint);
        },
        async S3() {
          proxy = await startProxy(s3.endpoint);
          return s3Destination(s3, proxy.endpoint);
        },
      };

      it.each([
        ['nginx', 'nar/', ['huge']],
        ['S3', 'partNumber=3', ['huge']],
        ['S3', 'nar/', ['good']],
        ['nginx', '.narinfo', ['good']],
        ['S3', '.narinfo', ['good']],
      ] as const)('%s takes %s', async (to, hanging, copied) => {
        const destination = await through[to]!();
        try {
          let hangs = false;
          proxy.decide = ({ method, path }) => {
            if (method !== 'PUT' || !path.includes(hanging)) return undefined;
            hangs = true;
            return { cut: 'hangs' };
          };
          const keys = await interrupt(destination, copied, async () => hangs);
          expect(narinfosOf(keys)).toEqual([]);
        } finally {
          await proxy.stop();
        }
      });
    });
  });
});
