import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyFileError, readSecretKeyFile } from '../../src/config/index.ts';
import { formatPublicKey, formatSecretKey, generateSecretKey } from '../../src/signing/index.ts';
import { withoutRights } from './without-rights.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narkit-key-'));
  file = join(folder, 'secret');
});
afterEach(() => rm(folder, { recursive: true }));

const key = generateSecretKey('test-1');
const secret = formatSecretKey(key);

async function warningsFor(mode: number): Promise<string[]> {
  await writeFile(file, secret);
  await chmod(file, mode);
  const warnings: string[] = [];
  const read = await readSecretKeyFile(file, { onWarning: (message) => warnings.push(message) });
  expect(formatSecretKey(read)).toBe(secret);
  return warnings;
}

describe('who can read it', () => {
  test.each([0o600, 0o400, 0o700, 0o611])('mode %o is quiet', async (mode) => {
    expect(await warningsFor(mode)).toEqual([]);
  });

  test.each([0o640, 0o604, 0o644, 0o444])('mode %o is a warning', async (mode) => {
    const octal = `0${mode.toString(8)}`;
    expect(await warningsFor(mode)).toEqual([
      `secret key file '${file}' can be read by others (mode ${octal}): chmod 600 it`,
    ]);
  });
});

describe('what is no key file', () => {
  const failure = async (path: string) => {
    try {
      await readSecretKeyFile(path);
    } catch (error) {
      expect(error).toBeInstanceOf(KeyFileError);
      expect(error).toMatchObject({ code: 'key-file', path });
      expect(inspect(error, { depth: null })).not.toContain(secret.slice('test-1:'.length, -8));
      return (error as Error).message;
    }
    return expect.unreachable('it was read');
  };

  test('a missing file', async () => {
    expect(await failure(file)).toBe(`secret key file '${file}' does not exist`);
    await writeFile(file, '');
    expect(await failure(join(file, 'below'))).toMatch(/does not exist$/);
  });

  test('a directory', async () => {
    await mkdir(file);
    expect(await failure(file)).toBe(`secret key file '${file}' is a directory`);
  });

  test('a file without the right to read it', async () => {
    await writeFile(file, secret, { mode: 0 });
    const message = await withoutRights(() => failure(file));
    expect(message).toBe(`secret key file '${file}' cannot be read: permission denied`);
  });

  test.each([
    ['an empty file', ''],
    ['a key cut short', secret.slice(0, -8)],
    ['a key with a foreign character', secret.replace(':', ':*')],
    ['a public key', formatPublicKey(key.publicKey)],
    ['a key without a name', secret.slice('test-1'.length)],
    ['an OpenSSH key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n'],
    ['bytes', '\0\xff\xfe'],
  ])('%s', async (_, text) => {
    await writeFile(file, text, { mode: 0o600 });
    expect(await failure(file)).toMatch(/^secret key file '.*' holds no secret key: /);
  });

  test('a file without end', async () => {
    expect(await failure('/dev/zero')).toBe(
      `secret key file '/dev/zero' is no key file: it is longer than 16384 bytes`,
    );
  });
});

test('a newline at the end, as an editor leaves it', async () => {
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  expect(formatSecretKey(await readSecretKeyFile(file))).toBe(secret);
});

test('an abort ends it', async () => {
  await writeFile(file, secret, { mode: 0o600 });
  await expect(readSecretKeyFile(file, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
});
