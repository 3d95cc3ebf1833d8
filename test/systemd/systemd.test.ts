/** The units, and the NixOS module that is to say the same. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSpool } from '../../src/queue/index.ts';
import { describePeer, needPeer, nix } from '../peers/peers.ts';
import { parseUnitFile } from './unit-file.ts';

const run = promisify(execFile);
const units = fileURLToPath(new URL('../../systemd/', import.meta.url));
const readUnit = async (name: string): Promise<ReturnType<typeof parseUnitFile>> =>
  parseUnitFile(await readFile(join(units, name), 'utf8'));

describePeer('systemd', 'systemd reads', () => {
  let directory: string;
  let analyze: (...args: string[]) => Promise<{ stdout: string; stderr: string }>;

  beforeAll(async () => {
    const systemd = needPeer('systemd');
    directory = await mkdtemp(join(tmpdir(), 'narkit-units-'));
    const program = join(directory, 'narkit');
    await writeFile(program, '#!/bin/sh\n');
    await chmod(program, 0o755);
    for (const name of await readdir(units)) {
      if (!/\.(service|path|timer)$/.test(name)) continue;
      const text = await readFile(join(units, name), 'utf8');
      await writeFile(join(directory, name), text.replaceAll('/usr/local/bin/narkit', program));
    }
    const own = join(systemd, 'root/usr/lib/systemd/system');
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:${own}` };
    analyze = (...args) => run(join(systemd, 'bin/systemd-analyze'), args, { env });
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(['narkit-worker.service', 'narkit-worker.path', 'narkit-reconcile.service', 'narkit-reconcile.timer'])(
    '%s without a complaint',
    async (name) => {
      const { stdout, stderr } = await analyze('verify', '--man=no', '--recursive-errors=yes', join(directory, name));
      expect(stdout + stderr).toBe('');
    },
  );

  it('a setting that is none, and complains', async () => {
    const broken = join(directory, 'broken.service');
    await writeFile(broken, '[Service]\nType=exec\nExecStart=/bin/true\nProtectEverything=true\n');
    const { stderr } = await analyze('verify', '--man=no', broken);
    expect(stderr).toContain('ProtectEverything');
  });

  it.each(['narkit-worker.service', 'narkit-reconcile.service'])('%s as little exposed', async (name) => {
    // From 0 to 100; it fails above. An ordinary service has 96.
    await analyze('security', '--offline=true', '--threshold=20', '--no-pager', join(directory, name));
  });
});

it('the directories are those that a spool has', async () => {
  const text = await readFile(join(units, 'narkit.tmpfiles'), 'utf8');
  const made = [...text.matchAll(/^d \/var\/lib\/narkit\/queue\/(\S+) /gm)].map(([, name]) => name);
  const directory = await mkdtemp(join(tmpdir(), 'narkit-spool-'));
  try {
    await openSpool(directory, { create: true });
    expect(made.toSorted()).toEqual((await readdir(directory)).toSorted());
  } finally {
    await rm(directory, { recursive: true });
  }
});

describe('the two services', () => {
  it('are confined alike', async () => {
    const [worker, reconcile] = await Promise.all(
      ['narkit-worker.service', 'narkit-reconcile.service'].map(async (name) => (await readUnit(name)).get('Service')!),
    );
    const ownOfWorker = [
      'Type',
      'ExecStart',
      'Restart',
      'RestartSec',
      'TimeoutStopSec',
      'NotifyAccess',
      'OpenFile',
      'OOMScoreAdjust',
    ];
    const ofWorker = [...worker!].filter(([key]) => !ownOfWorker.includes(key));
    const ofReconcile = [...reconcile!].filter(([key]) => !['Type', 'ExecStart'].includes(key));
    expect(new Map(ofReconcile)).toEqual(new Map(ofWorker));
  });
});

describePeer('nix-2.34', 'the NixOS module', () => {
  type Value = string | number | boolean;
  interface System {
    readonly nix: { readonly settings: Record<string, string> };
    readonly environment: { readonly etc: Record<string, { source: unknown }> };
    readonly systemd: {
      readonly tmpfiles: { readonly rules: readonly string[] };
      readonly services: Record<
        'narkit-worker' | 'narkit-reconcile',
        {
          serviceConfig: Record<string, Value | readonly Value[]>;
          environment: Record<string, string>;
          startAt?: string;
        }
      >;
    };
  }
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'narkit-nixos-'));
    await mkdir(join(home, 'etc'));
    await cp(join(units, 'nixos-module.nix'), join(home, 'module.nix'));
    await cp(fileURLToPath(new URL('nixos-lib.nix', import.meta.url)), join(home, 'lib.nix'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  /** What the module makes of the options of a machine. */
  async function evaluate(options: string): Promise<System> {
    const expression = `
      let
        lib = import ${home}/lib.nix;
        module = import ${home}/module.nix {
          inherit lib;
          pkgs.formats.toml = _: { type = null; generate = name: value: { inherit name value; }; };
          config = { services.narkit = defaults // { enable = true; package = "/narkit"; } // ${options}; systemd = module.config.systemd; };
        };
        defaults = builtins.mapAttrs (_: option: option.default or null) module.options.services.narkit;
      in module.config`;
    const { stdout } = await run(
      join(nix('2.34')!.bin, 'nix-instantiate'),
      ['--eval', '--strict', '--json', '--expr', expression],
      {
        env: {
          HOME: home,
          NIX_STORE_DIR: join(home, 'store'),
          NIX_STATE_DIR: join(home, 'var'),
          NIX_CONF_DIR: join(home, 'etc'),
        },
      },
    );
    return JSON.parse(stdout) as System;
  }

  const settings = 'settings = { to = [ "file:///mnt/cache" ]; secret-key-files = [ "/etc/narkit/key.private" ]; };';

  it.each(['narkit-worker', 'narkit-reconcile'] as const)('makes the service %s', async (name) => {
    const system = await evaluate(`{ ${settings} credentials."key.private" = "/etc/narkit/key.private"; }`);
    const made = system.systemd.services[name].serviceConfig;
    const unit = (await readUnit(`${name}.service`)).get('Service')!;
    // Lists may stand in one line or in several.
    const words = (values: readonly string[]): string[] => values.flatMap((value) => value.split(' ')).filter(Boolean);
    const expected = new Map([...unit].map(([key, values]) => [key, words(values)]));
    const text = (value: Value | readonly Value[]): string[] =>
      words([value].flat().map((item) => String(item).replace('/narkit/bin', '/usr/local/bin')));
    expect(new Map(Object.entries(made).map(([key, value]) => [key, text(value)]))).toEqual(expected);
  });

  it('makes the same directories', async () => {
    const { systemd } = await evaluate(`{ ${settings} }`);
    const lines = (await readFile(join(units, 'narkit.tmpfiles'), 'utf8'))
      .split('\n')
      .filter((line) => /^d /.test(line));
    expect(systemd.tmpfiles.rules).toEqual(lines.map((line) => line.replaceAll(/ +/g, ' ')));
  });

  it('names the hook and the configuration', async () => {
    const { nix: settingsOfNix, environment } = await evaluate(`{ ${settings} }`);
    expect(settingsOfNix.settings['post-build-hook']).toBe('/narkit/bin/narkit-hook');
    expect(environment.etc['narkit/config.toml']?.source).toMatchObject({
      value: { to: ['file:///mnt/cache'], 'secret-key-files': ['/etc/narkit/key.private'] },
    });
  });

  it('lets the worker write where the queue is, and find credentials of S3', async () => {
    const { systemd } = await evaluate(
      '{ settings.queue.directory = "/srv/queue"; credentials.aws-credentials = "/etc/narkit/aws"; environment.AWS_REGION = "eu-west-1"; reconcile = null; }',
    );
    const { 'narkit-worker': worker, 'narkit-reconcile': reconcile } = systemd.services;
    expect(worker.serviceConfig.ReadWritePaths).toContain('/srv/queue');
    expect(worker.serviceConfig.LoadCredential).toEqual(['aws-credentials:/etc/narkit/aws']);
    expect(worker.environment).toEqual({ AWS_SHARED_CREDENTIALS_FILE: '%d/aws-credentials', AWS_REGION: 'eu-west-1' });
    expect(systemd.tmpfiles.rules).toContain('d /srv/queue/incoming 2770 narkit narkit');
    expect(reconcile).toEqual({});
  });
});
