/** Keys and signatures against real Nix. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathInfo } from '../../src/path-info.ts';
import { parsePathInfosJson } from '../../src/path-info-json.ts';
import {
  formatPublicKey,
  formatSecretKey,
  generateSecretKey,
  KeyError,
  parsePublicKey,
  parseSecretKey,
  type SecretKey,
  signPathInfo,
  verifySignature,
} from '../../src/signing/index.ts';
import { createStorePathsPlace, type StorePathsPlace } from '../nix-store-paths.ts';
import { describeNix } from '../peers/peers.ts';

describeNix('signatures', (nix) => {
  let place: StorePathsPlace;
  beforeAll(async () => {
    place = await createStorePathsPlace(nix);
  });
  afterAll(() => place?.remove());

  const readKey = async (file: string) => parseSecretKey(await readFile(file, 'utf8'));

  async function readInfos(): Promise<PathInfo[]> {
    const { stdout } = await place.run('nix', ['path-info', '--json', '--all']);
    const infos = parsePathInfosJson(stdout.toString(), { storeDir: place.storeDir });
    return [...infos.values()].filter((info) => info !== undefined);
  }

  /** The public key as Nix makes it of the secret key. */
  async function convertByNix(secret: string): Promise<string> {
    const { stdout } = await place.run('nix', ['key', 'convert-secret-to-public'], { input: secret });
    return stdout.toString();
  }

  test('keys of Nix are read and written as they were', async () => {
    const files = [join(place.directory, 'secret'), join(place.directory, 'public')];
    await place.run('nix-store', ['--generate-binary-cache-key', 'test-1', ...files]);
    const [secret, published] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const key = parseSecretKey(secret!);
    expect(formatSecretKey(key)).toBe(secret);
    expect(formatPublicKey(key.publicKey)).toBe(published);
    expect(formatPublicKey(parsePublicKey(published!))).toBe(published);
  });

  test('keys of ours are read by Nix', async () => {
    const key = generateSecretKey('test-1');
    expect(await convertByNix(formatSecretKey(key))).toBe(formatPublicKey(key.publicKey));
  });

  test('what is no key of ours is none of Nix', async () => {
    for (const text of ['', 'test-1', 'test-1:', ':AAAA', 'test-1:AAAA', 'test-1:***']) {
      const { exitCode } = await place.run('nix', ['key', 'convert-secret-to-public'], { input: text, mayFail: true });
      expect(exitCode, text).not.toBe(0);
      expect(() => parseSecretKey(text), text).toThrow(KeyError);
    }
  });

  test('signatures of Nix verify, and ours are the same bytes', async () => {
    const { storeDir } = place;
    const keys = new Map<string, SecretKey>();
    for (const file of place.keyFiles) {
      const key = await readKey(file);
      keys.set(key.name, key);
    }
    const publicKeys = [...keys.values()].map((key) => key.publicKey);
    let count = 0;
    for (const info of await readInfos()) {
      for (const signature of info.signatures) {
        const key = keys.get(signature.split(':')[0]!)!;
        expect(signPathInfo(info, key, storeDir)).toBe(signature);
        expect(verifySignature(info, signature, publicKeys, storeDir)).toBe(true);
        expect(verifySignature({ ...info, narSize: info.narSize + 8 }, signature, publicKeys, storeDir)).toBe(false);
        count++;
      }
    }
    expect(count).toBeGreaterThan(place.paths.length / 2);
  });

  test('a key of ours signs in Nix as it does here', async () => {
    const { storeDir } = place;
    const key = generateSecretKey('ours-1');
    const file = join(place.directory, 'ours');
    await writeFile(file, formatSecretKey(key), { mode: 0o600 });
    await place.run('nix', ['store', 'sign', '--key-file', file, '--all']);
    for (const info of await readInfos()) expect(info.signatures).toContain(signPathInfo(info, key, storeDir));
    const trusted = ['--option', 'trusted-public-keys', formatPublicKey(key.publicKey)];
    await place.run('nix', ['store', 'verify', '--no-contents', ...trusted, '--all']);
  });
});
