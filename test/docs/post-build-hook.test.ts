/** docs/post-build-hook.md, step by step, with a real Nix and a real S3 server. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listens } from '../peers/nix-daemon.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describePeer, nix } from '../peers/peers.ts';
import { type S3Server, startS3Server } from '../peers/s3-server.ts';
import { parseUnitFile } from '../systemd/unit-file.ts';
import { outputPattern, parseGuide } from './guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
/** What this machine needs to reach its package registry. */
const network = Object.fromEntries(Object.entries(process.env).filter(([name]) => /ca_certs$|_proxy$/i.test(name)));

const steps = parseGuide(readFileSync(join(root, 'docs/post-build-hook.md'), 'utf8'));

describePeer(['nix-2.34', 's3', 'root'], 'docs/post-build-hook.md', () => {
  let place: NixPlace;
  let client: NixPlace;
  let server: S3Server;
  let bucket: string;
  let tarball: string;
  let daemon: ChildProcess | undefined;
  let worker: ChildProcess | undefined;
  /** What the reader's shell remembers from step to step. */
  const remembered: string[] = [];

  beforeAll(async () => {
    server = await startS3Server();
    bucket = await server.createBucket({ acl: 'public-read' });
    place = await createNixPlace(nix('2.34')!, { atNixStore: true });
    client = await createNixPlace(nix('2.34')!, { atNixStore: true, settings: { 'require-sigs': 'true' } });
    const { stdout } = await run(
      'npm',
      ['pack', '--ignore-scripts', '--silent', '--pack-destination', place.directory],
      { cwd: root },
    );
    tarball = join(place.directory, stdout.trim());
    // The guide writes where a machine keeps such files: this machine's own stay as they are.
    for (const { directory, env } of [place, client]) {
      await cp('/etc', join(directory, 'host/etc'), { recursive: true, verbatimSymlinks: true });
      await mkdir(join(directory, 'host/root'), { recursive: true });
      await mkdir(join(directory, 'host/var/lib'), { recursive: true });
      await cp(join(homedir(), '.npmrc'), join(directory, 'host/root/.npmrc')).catch(() => {});
      await mkdir(join(directory, 'nix/var/nix'), { recursive: true });
      await mkdir(join(directory, 'host/etc/nix'), { recursive: true });
      await writeFile(join(directory, 'host/etc/nix/nix.conf'), env.NIX_CONFIG!);
    }
    await restartDaemon();
  });
  afterAll(async () => {
    if (worker) await end(worker);
    await stopDaemon();
    await server?.stop();
    await place?.remove();
    await client?.remove();
  });

  async function stopDaemon(): Promise<void> {
    if (daemon === undefined) return;
    // A SIGTERM between two connections may be lost on it: it goes on to wait for the next.
    await end(daemon);
    daemon = undefined;
  }

  async function end(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  }

  const publicKeyText = (): Promise<string> => readFile(join(place.directory, 'host/etc/narkit/key.public'), 'utf8');

  /** The reader's own names in the place of the guide's. */
  function fillIn(text: string, publicKey = 'cache.example.org-1:…'): string {
    return text
      .replaceAll('/tmp/', `${place.directory}/`)
      .replaceAll('https://s3.example.org', server.endpoint)
      .replaceAll('https://cache.example.org', server.publicUrl(bucket))
      .replaceAll('s3://my-cache', `s3://${bucket}`)
      .replaceAll('/usr/local/bin', join(place.directory, 'npm/bin'))
      .replaceAll('npm install --global narkit', `npm install --global ${tarball}`)
      .replaceAll('cache.example.org-1:…', publicKey);
  }

  /** What a reader's shell sees: own `/etc`, `/nix` and home, the programs of step 1, no variable of ours. */
  function shellOf(machine: NixPlace, command: string): { file: string; args: string[]; env: NodeJS.ProcessEnv } {
    const host = join(machine.directory, 'host');
    const mounts = ['/etc', '/var/lib'].map((path) => `mount --bind ${host}${path} ${path}`);
    const script = [...mounts, `cd ${host}/root`, ...(machine === place ? remembered : []), command].join(' && ');
    const { NIX_CONF_DIR: _, NIX_CONFIG: __, PATH, ...env } = machine.env;
    const { file, args } = machine.command('/bin/bash', ['-c', script]);
    return {
      file,
      args,
      env: {
        ...env,
        ...network,
        HOME: join(host, 'root'),
        PATH: `${place.directory}/npm/bin:${PATH}`,
        npm_config_prefix: join(place.directory, 'npm'),
        NIX_REMOTE: machine === place && daemon ? 'daemon' : '',
      },
    };
  }

  async function restartDaemon(): Promise<void> {
    await stopDaemon();
    const { file, args, env } = shellOf(place, 'exec nix-daemon');
    daemon = spawn(file, args, { env: { ...env, NIX_REMOTE: '' }, stdio: 'ignore' });
    const socket = join(place.directory, 'nix/var/nix/daemon-socket/socket');
    while (!(await listens(socket))) {
      if (daemon.exitCode !== null) throw new Error(`nix-daemon ended with ${daemon.exitCode}`);
      await delay(20);
    }
  }

  /** As systemd would, with the units that are installed: the worker with its credentials. */
  async function startWorker(): Promise<void> {
    const system = join(place.directory, 'host/etc/systemd/system');
    const texts = [
      await readFile(join(system, 'narkit-worker.service'), 'utf8'),
      await readFile(join(system, 'narkit-worker.service.d/s3.conf'), 'utf8'),
    ];
    const service = parseUnitFile(texts.join('\n')).get('Service')!;
    const credentials = join(place.directory, 'credentials');
    await mkdir(credentials);
    for (const credential of service.get('LoadCredential')!) {
      const [name = '', file = ''] = credential.split(':');
      await cp(join(place.directory, 'host', file), join(credentials, name));
    }
    const { file, args, env } = shellOf(place, `exec ${fillIn(service.get('ExecStart')![0]!)}`);
    const variables = service.get('Environment')!.map((text) => text.replace('%d', credentials).split('='));
    worker = spawn(file, args, {
      env: { ...env, ...Object.fromEntries(variables), CREDENTIALS_DIRECTORY: credentials },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const folder = join(place.directory, 'host/var/lib/narkit/queue/lock');
    while ((await readdir(folder)).length === 0) {
      if (worker.exitCode !== null) throw new Error(`narkit worker ended with ${worker.exitCode}`);
      await delay(20);
    }
  }

  /** No systemd runs here: what these commands do is done by hand. */
  const byHand: Record<string, () => Promise<void>> = {
    'systemctl restart nix-daemon': restartDaemon,
    'systemctl daemon-reload': async () => {},
    'systemctl enable --now narkit-worker': startWorker,
    'systemd-sysusers': async () => {},
    'systemd-tmpfiles --create': async () => {
      const lines = await readFile(join(place.directory, 'host/etc/tmpfiles.d/narkit.conf'), 'utf8');
      for (const [, path = '', mode = ''] of lines.matchAll(/^d (\S+) +(\d+)/gm)) {
        const onDisk = join(place.directory, path.startsWith('/nix/') ? path : join('host', path));
        await mkdir(onDisk, { recursive: true });
        await chmod(onDisk, Number.parseInt(mode, 8));
      }
    },
  };

  /** From the chapter on using the cache on, the reader is at another machine. */
  const clientFrom = steps.findLastIndex((step) => step.kind === 'file');

  it.each(
    steps.map((step, index) => [index, step.kind === 'file' ? `writes ${step.path}` : step.command, step] as const),
  )(
    'step %i: %s',
    async (index, _, step) => {
      const machine = index < clientFrom ? place : client;
      if (step.kind === 'file') {
        const known = step.text.includes('cache.example.org-1:…');
        const path = join(machine.directory, 'host', step.path);
        await mkdir(dirname(path), { recursive: true });
        await appendFile(path, fillIn(step.text, known ? await publicKeyText() : undefined));
        return;
      }
      const own = byHand[step.command];
      if (own) return own();
      if (/^(export |\w+=)/.test(step.command)) remembered.push(step.command);
      const { file, args, env } = shellOf(machine, fillIn(step.command));
      const { stdout, stderr } = await run(file, args, { env });
      const printed = step.command.startsWith('narkit copy') ? stderr : stdout;
      if (step.output.length > 0) {
        expect(printed).toMatch(outputPattern(step.output.map((line) => fillIn(line))));
      }
      expect(stderr).not.toContain('narkit-hook:');
    },
    120_000,
  );
});
