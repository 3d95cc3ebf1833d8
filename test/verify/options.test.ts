/** What a verification is told: whom to trust, what to leave out, and what becomes of it when something fails on the way. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Backend, BackendError, createMemoryBackend } from '../../src/backend/index.ts';
import { type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { copy } from '../../src/copy/index.ts';
import { narInfoKey } from '../../src/narinfo/index.ts';
import type { SecretKey } from '../../src/signing/index.ts';
import type { Store } from '../../src/store/store.ts';
import type { StorePath } from '../../src/store-path.ts';
import {
  type VerifyEvent,
  type VerifyFinding,
  type VerifyOptions,
  verifyExitCode,
  verifyStore,
} from '../../src/verify/index.ts';
import { createSampleStore, type SampleStore } from '../copy/sample-store.ts';
import { testKey } from './defects.ts';

let source: SampleStore;
let backend: Backend;
let cache: BinaryCacheStore;
let library: StorePath;
let program: StorePath;
let key: SecretKey;
let other: SecretKey;

beforeEach(async () => {
  [key, other] = await Promise.all([testKey('cache-1'), testKey('cache-2')]);
  source = createSampleStore();
  library = await source.add('library');
  program = await source.add('program', [library]);
  backend = createMemoryBackend();
  cache = await openBinaryCacheStore(backend, { secretKeys: [key] });
  await copy(source, cache, [program]);
});

async function verify(
  paths: Iterable<StorePath> | 'all',
  options: VerifyOptions = {},
  store: Store = cache,
): Promise<{ kinds: string[]; findings: VerifyFinding[]; exitCode: number }> {
  const verification = verifyStore(store, paths, options);
  const findings: VerifyFinding[] = [];
  for await (const finding of verification) findings.push(finding);
  return { findings, kinds: findings.map(({ kind }) => kind), exitCode: verifyExitCode(verification.summary()) };
}

/** The cache over a backend that does something else for some keys. */
async function withBackend(changes: Partial<Backend>): Promise<BinaryCacheStore> {
  return openBinaryCacheStore({ ...backend, ...changes });
}

const unreachable = (file: string): BackendError =>
  new BackendError('backend-unreachable', `no answer for '${file}'`, { uri: 'memory:', key: file });

describe('trust', () => {
  test('is no question without keys', async () => {
    expect(await verify([library])).toMatchObject({ kinds: [], exitCode: 0 });
  });
  test('so many signatures, of substituters too', async () => {
    const trustedPublicKeys = [key.publicKey, other.publicKey];
    const two = { trustedPublicKeys, signaturesNeeded: 2 };
    expect(await verify('all', { trustedPublicKeys })).toMatchObject({ exitCode: 0 });
    expect(await verify([library], two)).toMatchObject({ kinds: ['unknown-key'], exitCode: 2 });
    const mirror = await openBinaryCacheStore(createMemoryBackend(), { secretKeys: [other] });
    await copy(source, mirror, [library]);
    expect(await verify([library], { ...two, substituters: [mirror] })).toMatchObject({ exitCode: 0 });
    // The same signature does not count twice.
    expect(await verify([library], { ...two, substituters: [cache] })).toMatchObject({ exitCode: 2 });
  });
  test('of what was built here', async () => {
    const sample = source.paths.get(library)!;
    source.paths.set(library, { ...sample, info: { ...sample.info, ultimate: true } });
    const trustedPublicKeys = [key.publicKey];
    expect(await verify([library, program], { trustedPublicKeys }, source)).toMatchObject({ kinds: ['unsigned'] });
    expect(await verify([library], { trustedPublicKeys, signaturesNeeded: 1 }, source)).toMatchObject({ exitCode: 2 });
  });
});

describe('references', () => {
  test('that a substituter has are there', async () => {
    await backend.delete(narInfoKey(library));
    expect(await verify([program])).toMatchObject({ kinds: ['reference-missing'], exitCode: 4 });
    expect(await verify([program], { substituters: [source] })).toMatchObject({ kinds: [], exitCode: 0 });
  });
});

test('a name that is not the one of this hash is absent, and its narinfo stays where it is', async () => {
  const typo = `${library.slice(0, 32)}-libary` as StorePath;
  const { findings, exitCode } = await verify([typo], { quarantineFolder: 'quarantine/x/' });
  expect(findings).toMatchObject([{ kind: 'path-absent', path: typo, message: expect.stringContaining(library) }]);
  expect(exitCode).toBe(4);
  expect(await verify([library])).toMatchObject({ kinds: [] });
});

test('what is not looked at is not found', async () => {
  const { url } = (await cache.queryPathInfo(library))!;
  const size = (await backend.head(url))!.size!;
  await backend.put(url, new Uint8Array(size));
  expect(await verify([library])).toMatchObject({ kinds: ['nar-damaged'], exitCode: 1 });
  expect(await verify([library], { contents: false })).toMatchObject({ kinds: [] });
  await backend.put(url, new Uint8Array(size + 1));
  expect(await verify([library], { contents: false })).toMatchObject({ kinds: ['file-size'] });
  await backend.delete(url);
  expect(await verify([library], { contents: false })).toMatchObject({ kinds: ['nar-missing'] });
});

describe('what fails on the way is not corrupt', () => {
  test('a narinfo, a NAR, a reference', async () => {
    const failing = (wrong: (file: string) => boolean): Partial<Backend> => ({
      get: (file, options) => (wrong(file) ? Promise.reject(unreachable(file)) : backend.get(file, options)),
      head: (file, options) => (wrong(file) ? Promise.reject(unreachable(file)) : backend.head(file, options)),
    });
    const narInfo = await withBackend(failing((file) => file === narInfoKey(library)));
    expect(await verify('all', { quarantineFolder: 'quarantine/x/' }, narInfo)).toMatchObject({ exitCode: 4 });
    expect((await verify([program], {}, narInfo)).findings).toMatchObject([{ kind: 'unreadable', path: program }]);
    const nars = await withBackend(failing((file) => file.startsWith('nar/')));
    for (const contents of [true, false])
      expect(await verify([library, program], { contents }, nars)).toMatchObject({
        kinds: ['unreadable', 'unreadable'],
      });
    expect(await verify('all', { repairFrom: [{ store: source }] }, nars)).toMatchObject({ exitCode: 4 });
  });
  test('an answer that breaks off', async () => {
    const broken = await withBackend({
      async get(file, options) {
        const object = await backend.get(file, options);
        if (object === undefined || !file.startsWith('nar/')) return object;
        const body = (async function* () {
          for await (const chunk of object.body) yield chunk.slice(0, 10);
          throw unreachable(file);
        })();
        return { ...object, body };
      },
    });
    expect(await verify([library], {}, broken)).toMatchObject({ kinds: ['unreadable'], exitCode: 4 });
  });
  test('a list', async () => {
    const { list, ...rest } = backend;
    const store = await openBinaryCacheStore(rest);
    await expect(verify('all', {}, store)).rejects.toMatchObject({ code: 'cannot-list' });
    expect(await verify([program], {}, store)).toMatchObject({ exitCode: 0 });
  });
});

describe('repair', () => {
  const garbage = encodeUtf8('garbage');

  test('of what nobody trusted vouches for is refused', async () => {
    await backend.put(narInfoKey(program), garbage);
    const repairFrom = [{ store: source, trustedPublicKeys: [key.publicKey] }];
    const { findings, exitCode } = await verify('all', { repairFrom });
    expect(findings[0]).toMatchObject({
      kind: 'narinfo-corrupt',
      repairFailure: expect.stringContaining('no trusted key'),
    });
    expect(exitCode).toBe(1);
  });

  test('keeps to the contents that a trusted narinfo promises', async () => {
    const { url } = (await cache.queryPathInfo(library))!;
    await backend.delete(url);
    const changed = createSampleStore();
    await changed.add('library', [], 'other contents');
    const options = { trustedPublicKeys: [key.publicKey], repairFrom: [{ store: changed }] };
    const { findings, exitCode } = await verify([library], options);
    expect(findings).toMatchObject([{ kind: 'nar-missing', repairFailure: expect.stringContaining('other contents') }]);
    expect(exitCode).toBe(1);
    expect(await backend.head(url)).toBeUndefined();
    const both = { ...options, repairFrom: [{ store: changed }, { store: source }] };
    expect(await verify([library], both)).toMatchObject({ exitCode: 0, findings: [{ repaired: true }] });
  });

  test('takes no NAR that is not what its source promises', async () => {
    const { url } = (await cache.queryPathInfo(library))!;
    await backend.delete(url);
    source.paths.get(library)!.nar = source.paths.get(program)!.nar;
    const { findings } = await verify([library], { repairFrom: [{ store: source }] });
    expect(findings).toMatchObject([{ kind: 'nar-missing', repairFailure: expect.stringContaining('has hash') }]);
    expect(await backend.head(url)).toBeUndefined();
  });

  test('of a chain of broken paths takes as many rounds as it needs', async () => {
    const paths = [library, program];
    for (let index = 0; index < 40; index++) paths.push(await source.add(`link-${index}`, [paths.at(-1)!]));
    await copy(source, cache, [paths.at(-1)!]);
    // Each second narinfo is gone, the others are broken.
    for (const [index, path] of paths.entries())
      if (index % 2 === 0) await backend.delete(narInfoKey(path));
      else await backend.put(narInfoKey(path), garbage);
    expect(await verify('all', { repairFrom: [{ store: source }] })).toMatchObject({ exitCode: 0 });
    expect((await verify('all', { trustedPublicKeys: [key.publicKey] })).kinds).toEqual([]);
    for (const path of paths) expect(await cache.queryPathInfo(path)).toMatchObject({ path });
  });

  test('of a path that was never there', async () => {
    const late = await source.add('late', [program]);
    expect(await verify([late])).toMatchObject({ kinds: ['path-absent'], exitCode: 4 });
    expect(await verify([late], { repairFrom: [{ store: source }] })).toMatchObject({ exitCode: 0 });
    expect(await verify([late])).toMatchObject({ kinds: [] });
  });

  test('of what is no cache, or for another store directory, is refused', async () => {
    await expect(verify([library], { quarantineFolder: 'quarantine/x/' }, source)).rejects.toMatchObject({
      code: 'cannot-repair',
    });
    const repairFrom = [{ store: createSampleStore('/gnu/store') }];
    await expect(verify([library], { repairFrom })).rejects.toMatchObject({ code: 'store-dir-mismatch' });
  });
});

test('a nix-cache-info that is gone is found, and written', async () => {
  await backend.delete('nix-cache-info');
  expect(await verify('all')).toMatchObject({ kinds: ['cache-info'], exitCode: 1 });
  expect(await verify('all', { repairFrom: [{ store: source }] })).toMatchObject({
    kinds: ['cache-info'],
    exitCode: 0,
  });
  expect(await verify('all')).toMatchObject({ kinds: [] });
});

test('who follows it is told how far it is', async () => {
  const events: VerifyEvent[] = [];
  await verify('all', { onEvent: (event) => events.push(event) });
  expect(events[0]).toEqual({ type: 'planned', paths: 2 });
  expect(events.filter(({ type }) => type === 'checked')).toHaveLength(2);
  const bytes = events.reduce((sum, event) => sum + (event.type === 'progress' ? event.narBytes : 0), 0);
  expect(bytes).toBe([...source.paths.values()].reduce((sum, { nar }) => sum + nar.length, 0));
});

describe('stopping', () => {
  const endless = (): Partial<Backend> => ({
    async get(file, options = {}) {
      const { signal } = options;
      if (!file.startsWith('nar/')) return backend.get(file, options);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    },
  });

  test('a signal ends it', async () => {
    const store = await withBackend(endless());
    const signal = AbortSignal.timeout(50);
    await expect(verify('all', { signal }, store)).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(verify('all', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
  });

  test('who has seen enough leaves nothing running', async () => {
    await backend.delete('nix-cache-info');
    const store = await withBackend(endless());
    for await (const { kind } of verifyStore(store, 'all')) {
      expect(kind).toBe('cache-info');
      break;
    }
  });
});
