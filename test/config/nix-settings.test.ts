import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NixConfError, nixConfFiles, readNixSettings } from '../../src/config/index.ts';
import { createNixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';
import { withoutRights } from './without-rights.ts';

let folder: string;
let env: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narkit-settings-'));
  await mkdir(join(folder, 'etc/included'), { recursive: true });
  env = { HOME: folder, NIX_CONF_DIR: join(folder, 'etc'), NIX_USER_CONF_FILES: '' };
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);

describe('which files', () => {
  test('the system, then the directories of XDG, then home', () => {
    expect(nixConfFiles({ HOME: '/home/a' })).toEqual([
      '/etc/nix/nix.conf',
      '/etc/xdg/nix/nix.conf',
      '/home/a/.config/nix/nix.conf',
    ]);
    expect(nixConfFiles({ XDG_CONFIG_HOME: '/config', XDG_CONFIG_DIRS: '/x::/y', NIX_CONF_DIR: '/conf' })).toEqual([
      '/conf/nix.conf',
      '/y/nix/nix.conf',
      '/x/nix/nix.conf',
      '/config/nix/nix.conf',
    ]);
    expect(nixConfFiles({ NIX_CONFIG_HOME: '/config', XDG_CONFIG_DIRS: '' })).toEqual([
      '/etc/nix/nix.conf',
      '/config/nix.conf',
    ]);
  });

  test('NIX_USER_CONF_FILES instead: its first file wins', () => {
    expect(nixConfFiles({ HOME: '/home/a', NIX_USER_CONF_FILES: '/b:/c' })).toEqual(['/etc/nix/nix.conf', '/c', '/b']);
    expect(nixConfFiles({ HOME: '/home/a', NIX_USER_CONF_FILES: '' })).toEqual(['/etc/nix/nix.conf']);
  });
});

test('without any file there are the defaults of Nix', async () => {
  const settings = await readNixSettings({ env });
  expect(settings.list('substituters')).toEqual(['https://cache.nixos.org/']);
  expect(settings.list('trusted-public-keys')).toEqual([
    'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=',
  ]);
  expect(settings.list('secret-key-files')).toEqual([]);
  expect(settings.get('post-build-hook')).toBeUndefined();
  expect(settings).toMatchObject({ storeDir: '/nix/store', stateDir: '/nix/var/nix' });
});

test('directories come from the environment', async () => {
  const directories = { NIX_STORE_DIR: '/gnu/store', NIX_STATE_DIR: '/gnu/var' };
  expect(await readNixSettings({ env: { ...env, ...directories } })).toMatchObject({
    storeDir: '/gnu/store',
    stateDir: '/gnu/var',
  });
});

test('a file that others hold back is left out, and said', async () => {
  await mkdir(join(folder, 'etc/nix.conf'));
  const warnings: string[] = [];
  const settings = await readNixSettings({ env, onWarning: (message) => warnings.push(message) });
  expect(settings.list('substituters')).toHaveLength(1);
  expect(warnings).toEqual([expect.stringContaining(`'${join(folder, 'etc/nix.conf')}' is left out: EISDIR`)]);
});

test('so is a file without the right to read it', async () => {
  await write('etc/nix.conf', 'a = b');
  await chmod(join(folder, 'etc/nix.conf'), 0);
  const warnings: string[] = [];
  await withoutRights(() => readNixSettings({ env, onWarning: (message) => warnings.push(message) }));
  expect(warnings).toEqual([expect.stringContaining('EACCES')]);
});

describe('includes', () => {
  test('a missing file is an error, unless it may be missing', async () => {
    await write('etc/nix.conf', 'a = 1\n!include missing.conf\ninclude missing.conf\n');
    await expect(readNixSettings({ env })).rejects.toThrow(
      expect.objectContaining({ code: 'nix-conf', path: join(folder, 'etc/nix.conf'), line: 3 }),
    );
  });

  test('an error in an included file names that file', async () => {
    await write('etc/nix.conf', 'include included/a.conf');
    await write('etc/included/a.conf', '\nbroken');
    await expect(readNixSettings({ env })).rejects.toThrow(
      expect.objectContaining({ path: join(folder, 'etc/included/a.conf'), line: 2 }),
    );
  });

  test('files that include one another end in an error', async () => {
    await write('etc/nix.conf', 'include nix.conf');
    await expect(readNixSettings({ env })).rejects.toThrow(NixConfError);
  });
});

test('an abort ends it', async () => {
  await expect(readNixSettings({ env, signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
});

test('nothing prints the values', async () => {
  const NIX_CONFIG = 'access-tokens = github.com=ghp_secret';
  const settings = await readNixSettings({ env: { ...env, NIX_CONFIG } });
  expect(settings.get('access-tokens')).toBe('github.com=ghp_secret');
  for (const text of [inspect(settings, { depth: null, showHidden: true }), JSON.stringify(settings)])
    expect(text).not.toContain('ghp_secret');
});

describeNix('settings', (nix) => {
  test('are those that Nix has', async () => {
    const place = await createNixPlace(nix);
    try {
      await write(
        'etc/nix.conf',
        `substituters = https://system.example.org # comment
         extra-substituters = https://added.example.org
         trusted-public-keys = a:AAAA
         include included/a.conf
         !include included/missing.conf
         secret-key-files = /from/system /second
         post-build-hook = /system/hook --flag\n`,
      );
      await write('etc/included/a.conf', 'include b.conf\nextra-trusted-public-keys = b:BBBB\n');
      await write('etc/included/b.conf', 'binary-caches = https://b.example.org\n');
      await write('first.conf', 'extra-trusted-public-keys = c:CCCC\n extra-binary-caches = https://first.example.org');
      await write('second.conf', 'trusted-public-keys = d:DDDD\npost-build-hook = /second/hook\n');
      const variables = {
        ...env,
        NIX_USER_CONF_FILES: `${join(folder, 'first.conf')}:${join(folder, 'second.conf')}`,
        NIX_CONFIG: 'experimental-features = nix-command\nextra-trusted-public-keys = e:EEEE',
      };
      const show = nix.version === '2.8' ? ['show-config'] : ['config', 'show'];
      const { stdout } = await place.run('nix', show, { env: variables });
      const theirs = new Map(
        stdout
          .toString()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)]),
      );
      const settings = await readNixSettings({ env: variables });
      for (const name of ['substituters', 'trusted-public-keys', 'secret-key-files', 'experimental-features'])
        expect(settings.list(name).join(' '), name).toBe(theirs.get(name));
      expect(settings.get('post-build-hook')).toBe(theirs.get('post-build-hook'));
    } finally {
      await place.remove();
    }
  });
});
