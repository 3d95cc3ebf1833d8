/** `narkit copy` as a program: what it prints, what it refuses, and before what. No Nix needed. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureStore, type NarkitOptions, type NarkitResult, runNarkit } from './run-narkit.ts';

const words = '/nix/store/kdxc08h44329i98r0iqz0z19xxffc5by-words-1.0';
const documentation = '/nix/store/n71h9xvz61kzr72fmzniz65fvw5x3fqq-greet-1.0-doc';
const greet = '/nix/store/sgpad5qz7dv2nwga2d1iy3n1gp3wpd9r-greet-1.0';

let directory: string;
let made = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-cli-copy-'));
  await makeKey('key-1');
  await makeKey('key-2');
});
afterAll(() => rm(directory, { recursive: true }));

async function makeKey(name: string): Promise<void> {
  const { stdout } = await runNarkit(['key', 'generate-secret', '--key-name', name]);
  await writeFile(join(directory, name), stdout, { mode: 0o600 });
}

/** A cache that is not there yet. */
function newCache(): string {
  return join(directory, `cache-${++made}`);
}

function copy(cache: string, args: readonly string[], options?: NarkitOptions): Promise<NarkitResult> {
  return runNarkit(['copy', '--from', fixtureStore, '--to', `file://${cache}`, ...args], {
    cwd: directory,
    ...options,
  });
}

async function narinfo(cache: string, path: string): Promise<string> {
  return readFile(join(cache, `${path.slice('/nix/store/'.length).slice(0, 32)}.narinfo`), 'utf8');
}

const outcomes = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('what it prints', () => {
  test('a summary for a person, nothing for programs', async () => {
    const cache = newCache();
    const first = await copy(cache, [greet]);
    expect([first.exitCode, first.stdout]).toEqual([0, '']);
    expect(first.stderr).toMatch(/^file:\/\/\S+: 2 copied \([\d.]+ K?i?B\), 0 present\n$/);
    const again = await copy(cache, [greet]);
    expect(again.stderr).toBe(`file://${cache}: 0 copied, 2 present\n`);
  });

  test('nothing with --quiet', async () => {
    expect(await copy(newCache(), ['-q', greet])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('each path with --verbose', async () => {
    const { stdout, stderr } = await copy(newCache(), ['-v', greet]);
    expect(stdout).toBe('');
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(new RegExp(`^copied '${greet}' \\(.* → .*\\)$`));
  });

  test('with --json a line for each path, its fields in order, and absent ones left out', async () => {
    const cache = newCache();
    const copied = await copy(cache, ['--json', '--secret-key-file', 'key-1', greet]);
    expect(copied.exitCode).toBe(0);
    for (const [index, line] of outcomes(copied.stdout).entries()) {
      const fields = ['path', 'outcome', 'narHash', 'narSize', 'url', 'fileHash', 'fileSize'];
      expect(Object.keys(line)).toEqual(fields);
      expect(line).toMatchObject({ path: [words, greet][index], outcome: 'copied' });
      const text = await narinfo(cache, line.path as string);
      expect(text).toContain(`\nURL: ${line.url}\n`);
      expect(text).toContain(`\nFileSize: ${line.fileSize}\n`);
      expect(text).toContain(`\nNarSize: ${line.narSize}\n`);
      const hash = await runNarkit(['hash', 'path', '--mode', 'flat', join(cache, line.url as string)]);
      expect(hash.stdout).toBe(`${line.fileHash}\n`);
      const source = fixtureStore.replace('tree:', '');
      const narHash = await runNarkit(['hash', 'path', (line.path as string).replace('/nix/store', source)]);
      expect(narHash.stdout).toBe(`${line.narHash}\n`);
    }

    const present = outcomes((await copy(cache, ['--json', greet])).stdout);
    expect(present.map(Object.keys)).toEqual(Array(2).fill(['path', 'outcome', 'narHash', 'narSize']));
    expect(present.every(({ outcome }) => outcome === 'present')).toBe(true);

    const to = ['--to', `file://${newCache()}`, '--skip-signed-by', 'key-0', '--skip-signed-by', 'key-1'];
    const skipped = await runNarkit(['copy', '--json', '--from', `file://${cache}`, ...to, greet]);
    expect(outcomes(skipped.stdout).map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped']);
    expect(skipped.exitCode).toBe(0);

    const absent = `/nix/store/${'z'.repeat(32)}-absent`;
    const failed = await copy(newCache(), ['--json', absent, words]);
    expect(failed.exitCode).toBe(1);
    const [failure, success] = outcomes(failed.stdout);
    expect(Object.keys(failure!)).toEqual(['path', 'outcome', 'error']);
    expect(failure).toMatchObject({ path: absent, outcome: 'failed' });
    expect(success).toMatchObject({ path: words, outcome: 'copied' });
    expect(failed.stderr).toContain(`error: path '${absent}' is not valid in `);
    expect(failed.stderr).toContain('1 copied');
    expect(failed.stderr).toContain('1 failed');
  });

  test('one reason for many failures once', async () => {
    await writeFile(join(directory, 'file'), '');
    const { exitCode, stderr } = await copy(join(directory, 'file/cache'), ['--all']);
    expect(exitCode).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^error: cannot copy '\/nix\/store\/.*': .*file\/cache/);
    expect(lines[1]).toMatch(/^error: \d more for the same reason: .*file\/cache/);
    expect(lines[2]).toContain('3 failed');
  });
});

describe('which paths', () => {
  const copied = async (args: readonly string[], options?: NarkitOptions): Promise<unknown[]> => {
    const { exitCode, stdout, stderr } = await copy(newCache(), ['--json', ...args], options);
    expect(exitCode, stderr).toBe(0);
    return outcomes(stdout).map(({ path }) => path);
  };

  test('the closure, or those named alone', async () => {
    expect(await copied([greet])).toEqual([words, greet]);
    expect(await copied(['--no-recursive', words])).toEqual([words]);
    const refused = await copy(newCache(), ['--no-recursive', greet]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(`cannot copy '${greet}'`);
    expect(refused.stderr).toContain(`its reference '${words}' is not there`);
  });
  test('--all', async () => {
    expect((await copied(['--all'])).sort()).toEqual([words, documentation, greet].sort());
  });
  test('--stdin, in words and lines', async () => {
    expect(await copied(['--stdin'], { input: `\n  ${words}\n` })).toEqual([words]);
    expect((await copied(['--stdin', words], { input: `${greet} ${words}` })).sort()).toEqual([words, greet].sort());
    expect(await copied(['--stdin'], { input: '' })).toEqual([]);
  });
  test('symlinks, files inside of store paths, base names', async () => {
    const place = await mkdtemp(join(directory, 'links-'));
    await symlink(`${words}/share`, join(place, 'inside'));
    await symlink('inside', join(place, 'result'));
    for (const path of ['./result', join(place, 'inside'), `${words}/share/words`, words.slice('/nix/store/'.length)])
      expect(await copied([path], { cwd: place })).toEqual([words]);
  });
  test.each([
    ['/etc/passwd', "path '/etc/passwd' is not a store path: it is not in the store directory '/nix/store'"],
    ['./absent', "path './absent' is not a store path: there is no such file"],
    ['/nix/store/short', "path 'short' is not a store path"],
  ])('%s is refused before anything is written', async (path, message) => {
    const cache = newCache();
    const { exitCode, stderr } = await copy(cache, [words, path]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`error: ${message}`);
    expect(existsSync(cache)).toBe(false);
  });
});

describe('keys', () => {
  test('each one signs', async () => {
    const cache = newCache();
    const args = ['--secret-key-file', 'key-1', '--secret-key-file', 'key-2', words];
    expect((await copy(cache, args)).stderr).not.toContain('warning');
    expect((await narinfo(cache, words)).match(/^Sig: key-\d/gm)).toEqual(['Sig: key-1', 'Sig: key-2']);
  });

  test('that others can read are warned of, and sign', async () => {
    await writeFile(join(directory, 'open-key'), await readFile(join(directory, 'key-1')));
    await chmod(join(directory, 'open-key'), 0o644);
    const cache = newCache();
    const { exitCode, stderr } = await copy(cache, ['--secret-key-file', 'open-key', words]);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: secret key file 'open-key' can be read by others \(mode 0644\)/);
    expect(await narinfo(cache, words)).toContain('\nSig: key-1:');
  });

  test('that are none are an error before anything is written', async () => {
    await writeFile(join(directory, 'broken-key'), 'key-1:c2VjcmV0', { mode: 0o600 });
    await writeFile(join(directory, 'empty-key'), '', { mode: 0o600 });
    await mkdir(join(directory, 'folder'));
    for (const key of ['absent-key', 'broken-key', 'empty-key', 'folder']) {
      const cache = newCache();
      const flags = ['--secret-key-file', 'key-2', '--secret-key-file', key];
      const byUri = [`file://${cache}?secret-key=${directory}/${key}`, words];
      for (const result of [
        await copy(cache, [...flags, words]),
        await runNarkit(['copy', '--from', fixtureStore, '--to', ...byUri]),
      ]) {
        expect([result.exitCode, result.stdout]).toEqual([1, '']);
        expect(result.stderr).toMatch(/^error: secret key file '/m);
        expect(result.stderr).toContain(`${key}'`);
        expect(result.stderr).not.toContain('c2VjcmV0');
        expect(existsSync(cache)).toBe(false);
      }
    }
  });
});

describe('stores that cannot be copied to', () => {
  test.each([
    ['nowhere://x', /^error: cannot use 'nowhere:\/\/x' as a Nix store/],
    ['ssh://host', /^error: cannot use 'ssh:\/\/host' as a Nix store: .*unix:\/\//],
    ['file:///tmp?compression=none2', /^error: the setting 'compression' .*known are .*zstd/],
    ['http://127.0.0.1:1', /^error: .*http:\/\/127\.0\.0\.1:1.*ECONNREFUSED/],
  ])('%s', async (to, message) => {
    const uri = to.startsWith('http') ? `${to}?retry-attempts=1` : to;
    const { exitCode, stdout, stderr } = await runNarkit(['copy', '--from', fixtureStore, '--to', uri, words]);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });
});

test('nothing is left beside a cache that was written', async () => {
  const cache = newCache();
  await copy(cache, ['--all']);
  expect((await readdir(cache)).filter((name) => !/\.narinfo$|^nar$|^nix-cache-info$/.test(name))).toEqual([]);
});

describe('out of a cache', () => {
  const fromCache = (cache: string, args: readonly string[], env?: Record<string, string>): Promise<NarkitResult> =>
    runNarkit(['copy', '--from', `file://${cache}`, '--to', `tree:${newCache()}`, ...args, greet], {
      cwd: directory,
      ...(env && { env }),
    });

  test('only what a trusted key signed, unless told otherwise', async () => {
    const cache = newCache();
    await copy(cache, ['--secret-key-file', 'key-1', greet]);
    const secret = await readFile(join(directory, 'key-1'), 'utf8');
    const { stdout } = await runNarkit(['key', 'convert-secret-to-public'], { input: secret });
    const publicKey = stdout.toString();

    const refused = await fromCache(cache, []);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(
      `path '${greet}' of 'file://${cache}' lacks a signature by a trusted key (it is signed by 'key-1')`,
    );
    expect(await fromCache(cache, ['--trusted-public-keys', publicKey])).toMatchObject({ exitCode: 0 });
    expect(await fromCache(cache, [], { NIX_CONFIG: `trusted-public-keys = ${publicKey}` })).toMatchObject({
      exitCode: 0,
    });
    expect(await fromCache(cache, ['--no-check-sigs'])).toMatchObject({ exitCode: 0 });
    const mirror = await runNarkit(['copy', '--from', `file://${cache}`, '--to', `file://${newCache()}`, greet]);
    expect(mirror.exitCode).toBe(0);
  });
});
