/**
 * A real nix-daemon builds while the cache is away or sick: no build notices, and all arrives when the cache is well again.
 *
 * `NARKIT_BENCH=1` also measures what the hook costs a build, beside a hook that does nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNarInfo } from '../../src/narinfo/index.ts';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { type Fate, type FaultyProxy, type SeenRequest, s3Answer, startProxy } from '../backend/s3/proxy.ts';
import { type NixDaemon, startNixDaemon } from '../peers/nix-daemon.ts';
import { createNixPlace } from '../peers/nix-place.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { narkitHookProgram as hook, narkitProgram as narkit } from '../programs.ts';

const secretKey = generateSecretKey('builds-1');

const chainLength = 10;

/** So many derivations, in chains of ten: each refers to the one before it. */
const derivations = (name: string, count: number): string => `
  let
    make = index: previous: derivation {
      name = "${name}-\${toString index}"; system = builtins.currentSystem; builder = "/bin/sh";
      args = [ "-c" "echo \${toString index} \${previous} > $out" ];
    };
    chain = first: builtins.foldl' (previous: index: make (first + index) previous) "nothing" (builtins.genList (i: i) ${chainLength});
  in builtins.genList (i: chain (i * ${chainLength})) ${count / chainLength}
`;

describePeer(['nix-2.34', 's3', 'root'], 'builds with the hook', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  const ended: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startS3Server();
    proxy = await startProxy(server.endpoint);
  });
  afterAll(async () => {
    for (const end of ended.reverse()) await end();
    await proxy?.stop();
    await server?.stop();
  });

  /** A machine with a daemon that has this hook, a configuration, and a queue. */
  async function setUp(
    program: string,
    bucket: string,
  ): Promise<{ daemon: NixDaemon; queue: string; env: Record<string, string> }> {
    const settings = { 'post-build-hook': program };
    const env: Record<string, string> = { ...server.env };
    const directory = await mkdtemp(join(tmpdir(), 'narkit-builds-'));
    ended.push(() => rm(directory, { recursive: true }));
    const queue = join(directory, 'queue');
    env.NARKIT_CONFIG = join(directory, 'config.toml');
    const keyFile = join(directory, 'key');
    await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
    const uri = server.uri(bucket, { endpoint: proxy.endpoint });
    await writeFile(
      env.NARKIT_CONFIG,
      `to = ["${uri}"]\nsecret-key-files = ["${keyFile}"]\n[queue]\ndirectory = "${queue}"\nretry-delay = 0.2\nretry-delay-maximum = 2\n`,
    );
    const daemon = await startNixDaemon(nix('2.34')!, { atNixStore: true, settings, env });
    ended.push(() => daemon.stop());
    return { daemon, queue, env };
  }

  function startWorker(
    { daemon, env }: { daemon: NixDaemon; env: Record<string, string> },
    ...flags: string[]
  ): ChildProcess {
    const { file, args } = daemon.place.command(process.execPath, [narkit, 'worker', ...flags]);
    const { NIX_CONFIG: _, ...placeEnv } = daemon.place.env;
    const worker = spawn(file, args, {
      env: { ...placeEnv, NIX_DAEMON_SOCKET_PATH: daemon.socketPath, ...env },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    ended.push(async () => {
      if (worker.exitCode === null && worker.kill('SIGKILL')) await once(worker, 'exit');
    });
    return worker;
  }

  /** Every narinfo was put when those of its references were there. */
  async function expectClosureOrder(bucket: string, since: number, done: ReadonlyMap<number, number>): Promise<void> {
    const puts = proxy.seen
      .slice(since)
      .filter(({ method, path }) => method === 'PUT' && path.includes(`/${bucket}/`) && path.includes('.narinfo'));
    const hashPart = ({ path }: SeenRequest): string => /([0-9a-z]{32})\.narinfo/.exec(path)![1]!;
    const firstDone = new Map<string, number>();
    for (const put of puts) {
      const time = done.get(put.number);
      if (time !== undefined && !firstDone.has(hashPart(put))) firstDone.set(hashPart(put), time);
    }
    expect(firstDone.size).toBeGreaterThan(0);
    for (const put of puts) {
      const response = await fetch(`${server.publicUrl(bucket)}/${hashPart(put)}.narinfo`);
      const { references, path } = parseNarInfo(new Uint8Array(await response.arrayBuffer()), { where: put.path });
      for (const reference of references) {
        if (reference === path) continue;
        expect(firstDone.get(reference.slice(0, 32)), `${reference} before ${path}`).toBeLessThan(
          arrived.get(put.number)!,
        );
      }
    }
  }

  const arrived = new Map<number, number>();
  const answered = new Map<number, number>();
  /** Notes when requests come and are answered, and lets them meet their fate. */
  function watch(fate: (request: SeenRequest) => Fate | undefined): FaultyProxy['decide'] {
    return (request) => {
      arrived.set(request.number, performance.now());
      const { cut, answer, ...rest } = fate(request) ?? {};
      return {
        ...rest,
        ...(cut !== undefined && { cut }),
        ...(answer !== undefined && { answer }),
        answered: () => answered.set(request.number, performance.now()),
      };
    };
  }

  describe.each<[string, number, (request: SeenRequest) => Fate | undefined]>([
    ['is down', 300, () => ({ cut: 'before' })],
    [
      'answers 503 to half of all requests',
      60,
      ({ number }) => (number % 2 === 0 ? s3Answer(503, 'SlowDown') : undefined),
    ],
    ['resets half of all connections', 60, ({ number }) => (number % 2 === 0 ? { cut: 'before' } : undefined)],
    ['accepts and never answers', 60, () => ({ cut: 'hangs' })],
  ])('and a cache that %s', (what, count, fate) => {
    it('do not notice, and all arrives when the cache is well', async () => {
      const bucket = await server.createBucket({ acl: 'public-read' });
      const machine = await setUp(hook, bucket);
      const { daemon, queue } = machine;
      proxy.decide = watch(fate);
      const since = proxy.seen.length;
      const worker = startWorker(machine);
      const name = what.replaceAll(' ', '-');
      const { stdout, stderr } = await daemon.run('nix-build', ['--no-out-link', '--expr', derivations(name, count)]);
      const tops = stdout.toString().trim().split('\n');
      expect(tops).toHaveLength(count / chainLength);
      expect(stderr).not.toContain('narkit-hook:');
      if (what === 'is down') expect(await readdir(join(queue, 'incoming'))).toHaveLength(count);

      proxy.decide = watch(() => undefined);
      await once(worker, 'exit', { signal: AbortSignal.timeout(1) }).catch(() => {});
      expect(worker.exitCode).toBeNull();
      while ((await readdir(join(queue, 'incoming'))).length > 0) await new Promise((done) => setTimeout(done, 100));
      worker.kill('SIGTERM');
      await once(worker, 'exit');
      expect(worker.exitCode).toBe(0);
      await expectClosureOrder(bucket, since, answered);

      const client = await createNixPlace(nix('2.34')!, {
        atNixStore: true,
        settings: {
          'require-sigs': 'true',
          'trusted-public-keys': formatPublicKey(secretKey.publicKey),
          substituters: server.publicUrl(bucket),
        },
      });
      ended.push(() => client.remove());
      await client.run('nix-store', ['--realise', ...tops]);
      await client.run('nix-store', ['--verify', '--check-contents']);
      expect(await readdir(client.realStoreDir)).toHaveLength(count + 1); // and .links
      const roots = join(daemon.place.realStateDir, 'gcroots/narkit');
      expect(await readdir(roots).catch(() => [])).toEqual([]);
    }, 600_000);
  });

  it.runIf(process.env.NARKIT_BENCH)(
    'cost',
    async () => {
      const bucket = await server.createBucket();
      const directory = await mkdtemp(join(tmpdir(), 'narkit-builds-'));
      ended.push(() => rm(directory, { recursive: true }));
      const nothing = join(directory, 'nothing.js');
      await writeFile(nothing, '#!/usr/bin/env node\n', { mode: 0o755 });
      proxy.decide = () => ({ cut: 'before' });
      const machines = [await setUp(nothing, bucket), await setUp(hook, bucket)];
      const seconds: number[][] = [[], []];
      // There and back again: what else the machine does meets both alike.
      for (let round = 0; round < 6; round++)
        for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const start = performance.now();
          await machines[index]!.daemon.run('nix-build', [
            '--no-out-link',
            '--expr',
            derivations(`round-${round}`, 300),
          ]);
          seconds[index]!.push((performance.now() - start) / 1000);
        }
      const [baseline, ours] = seconds.map((values) => values.reduce((sum, value) => sum + value));
      const ratios = seconds[0]!.map((value, round) => (seconds[1]![round]! / value).toFixed(2));
      console.log(
        `6 times 300 builds, the server down: ${ours!.toFixed(1)} s with narkit-hook, ${baseline!.toFixed(1)} s with a hook that starts Node alone: ${(ours! / baseline!).toFixed(3)} (${ratios.join(', ')})`,
      );
    },
    3_600_000,
  );
});
