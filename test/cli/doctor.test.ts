import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { startServer } from '../backend/http/local-server.ts';
import { describePeer } from '../peers/peers.ts';
import { narkitHookProgram as hook } from '../programs.ts';
import { fixtureStore, type NarkitResult, runNarkit } from './run-narkit.ts';

interface Finding {
  readonly about: string;
  readonly state: string;
  readonly message: string;
  readonly advice?: string;
}

/** As a package of npm has it. */
const installedHook = fileURLToPath(new URL('../../dist/bin/narkit-hook.cjs', import.meta.url));
const secretKey = generateSecretKey('doctor-1');
let directory: string;
let queue: string;
let keyFile: string;
let env: Record<string, string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-doctor-'));
  queue = join(directory, 'queue');
  keyFile = join(directory, 'key');
  env = {
    HOME: directory,
    NIX_CONF_DIR: directory,
    NIX_STATE_DIR: join(directory, 'nix'),
    NARKIT_CONFIG: join(directory, 'config.toml'),
  };
  for (const folder of [queue, ...['incoming', 'tmp', 'lock'].map((name) => join(queue, name))])
    await mkdir(folder, { mode: 0o750 });
  await mkdir(join(directory, 'nix/gcroots'), { recursive: true });
  await writeFile(keyFile, formatSecretKey(secretKey), { mode: 0o600 });
  await chmod(hook, 0o755);
  await writeFile(join(directory, 'nix.conf'), `post-build-hook = ${hook}\n`);
  await writeConfig();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function writeConfig({ to = `file://${directory}/cache`, more = '', table = '' } = {}): Promise<void> {
  await writeFile(
    env.NARKIT_CONFIG!,
    `to = ["${to}"]\nfrom = "${fixtureStore}"\nsecret-key-files = ["${keyFile}"]\n${more}\n[queue]\ndirectory = "${queue}"\n${table}`,
  );
}

async function examine(): Promise<{ exitCode: number | null; findings: Finding[] }> {
  const { exitCode, stdout } = await runNarkit(['doctor', '--json'], { env });
  return {
    exitCode,
    findings: stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding),
  };
}

/** What is not well, and the exit code. */
async function complaints(): Promise<{ exitCode: number | null; complaints: Finding[] }> {
  const { exitCode, findings } = await examine();
  return { exitCode, complaints: findings.filter(({ state }) => state !== 'ok') };
}

const noWorker = expect.objectContaining({
  about: 'queue',
  state: 'warning',
  message: expect.stringContaining('no worker runs'),
});

describe('narkit doctor', () => {
  it('finds all well but for the worker that nobody started', async () => {
    const { exitCode, findings } = await examine();
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([noWorker]);
    expect(exitCode).toBe(0);
    const abouts = ['config', 'key', 'destination', 'queue', 'gc-roots', 'nix', 'hook'];
    expect(findings.map(({ about }) => about)).toEqual(abouts);
    expect(findings[1]!.message).toContain(formatPublicKey(secretKey.publicKey));
    expect(await readdir(join(directory, 'cache'))).toEqual([]);
  });

  it('says it to a person, with what to do, and never a secret', async () => {
    await rm(join(directory, 'nix.conf'));
    const result: NarkitResult = await runNarkit(['doctor'], { env });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toContain('✓ config: ');
    expect(result.stdout).toContain(
      `✗ hook: nix.conf names no post-build-hook\n    write 'post-build-hook = ${installedHook}'`,
    );
    expect(result.stdout).not.toContain(formatSecretKey(secretKey));
  });

  it('takes a configuration file by its name', async () => {
    const { exitCode, stdout } = await runNarkit(['doctor', '--json', '--config', '/no/such/file'], { env });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout.split('\n')[0]!)).toMatchObject({ about: 'config', state: 'failed' });
    expect(stdout).toContain('/no/such/file');
  });
});

describe('a configuration that cannot be read', () => {
  it('ends it, but for the hook', async () => {
    await writeFile(env.NARKIT_CONFIG!, 'to = [');
    const { exitCode, findings } = await examine();
    expect(exitCode).toBe(1);
    expect(findings).toEqual([
      expect.objectContaining({ about: 'config', state: 'failed', message: expect.stringContaining('is not TOML') }),
      expect.objectContaining({ about: 'hook', state: 'ok' }),
    ]);
  });
});

describe('keys', () => {
  it.each([
    ['that others can read', async () => chmod(keyFile, 0o644), 'warning', 'can be read by others'],
    ['that are not there', async () => rm(keyFile), 'failed', 'does not exist'],
    ['that are none', async () => writeFile(keyFile, 'nothing'), 'failed', 'holds no secret key'],
  ])('%s', async (_, change, state, message) => {
    await change();
    const { exitCode, complaints: found } = await complaints();
    expect(found).toEqual([
      expect.objectContaining({ about: 'key', state, message: expect.stringContaining(message) }),
      noWorker,
    ]);
    expect(exitCode).toBe(state === 'failed' ? 1 : 0);
  });

  it('of which there is none', async () => {
    await writeFile(
      env.NARKIT_CONFIG!,
      `to = "file://${directory}/cache"\nfrom = "${fixtureStore}"\n[queue]\ndirectory = "${queue}"\n`,
    );
    const { complaints: found } = await complaints();
    expect(found[0]).toMatchObject({
      about: 'key',
      state: 'warning',
      message: expect.stringContaining('nothing is signed'),
    });
  });
});

describe('destinations', () => {
  it('of another store directory', async () => {
    await mkdir(join(directory, 'cache'));
    await writeFile(join(directory, 'cache/nix-cache-info'), 'StoreDir: /gnu/store\n');
    const { exitCode, complaints: found } = await complaints();
    expect(found[0]).toMatchObject({
      about: 'destination',
      state: 'failed',
      advice: expect.stringContaining('cache of its own'),
    });
    expect(exitCode).toBe(1);
  });

  it('of no known kind', async () => {
    await writeConfig({ to: 'ftp://example.org' });
    expect((await complaints()).complaints[0]).toMatchObject({ about: 'destination', state: 'failed' });
  });

  it('that nobody answers at', async () => {
    await writeConfig({ to: 'http://127.0.0.1:9' });
    const [found] = (await complaints()).complaints;
    expect(found).toMatchObject({ about: 'destination', state: 'failed', advice: expect.stringContaining('network') });
  });

  it.each([
    ['refuse to be written', 403, 'credentials'],
    ['have no room', 507, 'room'],
  ])('that %s', async (_, status, advice) => {
    const server = await startServer((request, response) => {
      response.writeHead(request.method === 'PUT' ? status : 404).end();
    });
    await writeConfig({ to: server.url });
    const [found] = (await complaints()).complaints;
    await server.close();
    expect(found).toMatchObject({ about: 'destination', state: 'failed', advice: expect.stringContaining(advice) });
  });

  it('that give back other bytes', async () => {
    const server = await startServer((request, response) => {
      response
        .writeHead(200)
        .end(request.method === 'GET' && request.url !== '/nix-cache-info' ? 'other' : 'StoreDir: /nix/store\n');
    });
    await writeConfig({ to: server.url });
    const [found] = (await complaints()).complaints;
    await server.close();
    expect(found).toMatchObject({
      about: 'destination',
      state: 'failed',
      message: expect.stringContaining('other bytes'),
    });
  });
});

describe('the queue', () => {
  it('that is not there', async () => {
    await rm(queue, { recursive: true });
    const [found] = (await complaints()).complaints;
    expect(found).toMatchObject({ about: 'queue', state: 'failed', advice: expect.stringContaining(queue) });
  });

  it('with damaged records, open to everybody', async () => {
    await chmod(queue, 0o777);
    await mkdir(join(queue, 'damaged'));
    await writeFile(join(queue, 'damaged/1700000000000-1-1-a.json'), '{');
    const messages = (await complaints()).complaints.map(({ message }) => message).join('\n');
    expect(messages).toContain('everybody can write');
    expect(messages).toContain('1 records could not be read');
  });

  it('is nothing to mode direct', async () => {
    await rm(queue, { recursive: true });
    await writeConfig({ more: 'mode = "direct"' });
    expect((await complaints()).complaints).toEqual([]);
  });

  it('without roots, as told', async () => {
    await writeConfig({ table: 'gc-roots = false\n' });
    expect((await complaints()).complaints).toEqual([
      noWorker,
      expect.objectContaining({ about: 'gc-roots', state: 'warning' }),
    ]);
  });

  it('without a state directory of Nix', async () => {
    await rm(join(directory, 'nix'), { recursive: true });
    expect((await complaints()).complaints).toEqual([
      noWorker,
      expect.objectContaining({ about: 'gc-roots', state: 'failed' }),
    ]);
  });
});

describe('the local Nix', () => {
  it('that is not there', async () => {
    await writeFile(
      env.NARKIT_CONFIG!,
      `to = "file://${directory}/cache"\nfrom = "unix://${directory}/none"\nsecret-key-files = ["${keyFile}"]\n[queue]\ndirectory = "${queue}"\n`,
    );
    expect((await complaints()).complaints.at(-1)).toMatchObject({ about: 'nix', state: 'failed' });
  });
});

describe('the hook', () => {
  it.each([
    ['that is not there', '/no/such/hook', 'failed', 'cannot be run'],
    ['that is another', '/bin/true', 'warning', 'another post-build-hook'],
  ])('%s', async (_, program, state, message) => {
    await writeFile(join(directory, 'nix.conf'), `post-build-hook = ${program}\n`);
    expect((await complaints()).complaints.at(-1)).toMatchObject({
      about: 'hook',
      state,
      message: expect.stringContaining(message),
    });
  });

  it('by another name', async () => {
    await symlink(hook, join(directory, 'my-hook'));
    await writeFile(join(directory, 'nix.conf'), `post-build-hook = ${directory}/my-hook\n`);
    expect((await complaints()).complaints).toEqual([noWorker]);
  });

  it('that only this user set', async () => {
    await rm(join(directory, 'nix.conf'));
    env.NIX_CONFIG = `post-build-hook = ${hook}`;
    expect((await complaints()).complaints.at(-1)).toMatchObject({
      about: 'hook',
      state: 'warning',
      message: expect.stringContaining('nix-daemon does not read'),
    });
  });
});

describePeer('root', 'a queue in memory', () => {
  const run = promisify(execFile);

  it('is lost when the machine stops', async () => {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', queue]);
    try {
      for (const name of ['incoming', 'tmp', 'lock']) await mkdir(join(queue, name));
      const messages = (await complaints()).complaints.map(({ message }) => message).join('\n');
      expect(messages).toContain('lies in memory');
      expect(messages).toContain('nearly full');
    } finally {
      await run('umount', [queue]);
    }
  });
});
