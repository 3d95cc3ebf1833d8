import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Backend, createMemoryBackend } from '../../src/backend/index.ts';
import { openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { type CopyEvent, type CopyOutcome, copy } from '../../src/copy/index.ts';
import { formatHash } from '../../src/hash/index.ts';
import { parseNarInfo } from '../../src/narinfo/index.ts';
import type { PathInfo } from '../../src/path-info.ts';
import { generateSecretKey, signPathInfo, verifySignature } from '../../src/signing/index.ts';
import type { Store } from '../../src/store/store.ts';
import { NarMismatchError } from '../../src/store/store-error.ts';
import { type StorePath, storePathHashPart, storePathName } from '../../src/store-path.ts';
import { createSampleStore, narOf, samplePath } from './sample-store.ts';

const keyOf = (path: StorePath): string => `${storePathHashPart(path)}.narinfo`;

async function readText(backend: Backend, key: string): Promise<string | undefined> {
  const object = await backend.get(key);
  if (object === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listKeys(backend: Backend): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of backend.list!('')) keys.push(key);
  return keys.sort();
}

const byName = (outcomes: readonly CopyOutcome[]): Record<string, string> =>
  Object.fromEntries(outcomes.map(({ path, outcome }) => [storePathName(path), outcome]));

/** Fails when a narinfo appears before that of one of its references, or before its NAR. */
function watchOrder(backend: Backend): Backend & { readonly narinfos: string[] } {
  const narinfos: string[] = [];
  return {
    ...backend,
    narinfos,
    async put(key, content, options) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      if (key.endsWith('.narinfo')) {
        const info = parseNarInfo(content as Uint8Array, { storeDir: '/nix/store', where: key });
        for (const reference of info.references)
          if (reference !== info.path && (await backend.head(keyOf(reference))) === undefined)
            throw new Error(`${key} is visible before ${reference}`);
        if ((await backend.head(info.url)) === undefined) throw new Error(`${key} is visible before its NAR`);
        narinfos.push(key);
      }
      return backend.put(key, content, options);
    },
  };
}

describe('copy', () => {
  it('copies a closure, and finds it present the second time', async () => {
    const from = createSampleStore();
    const leaf = await from.add('leaf');
    const middle = await from.add('middle', [leaf]);
    const top = await from.add('top', [leaf, middle, samplePath('top')]);
    await from.add('unrelated');
    const backend = createMemoryBackend();
    const to = await openBinaryCacheStore(backend);

    const first = await copy(from, to, [top]);
    expect(byName(first.outcomes)).toEqual({ leaf: 'copied', middle: 'copied', top: 'copied' });
    expect(first).toMatchObject({ copied: 3, present: 0, skipped: 0, failed: 0 });
    const second = await copy(from, to, [top]);
    expect(second).toMatchObject({ copied: 0, present: 3, narBytes: 0 });
    expect(await readText(backend, 'nix-cache-info')).toBe('StoreDir: /nix/store\n');
    for (const path of [leaf, middle, top]) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of to.narFromPath(path)) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(from.paths.get(path)!.nar)).toBe(true);
    }
  });

  it('never shows a path before its references', async () => {
    const graph = fc.array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(graph, async (edges) => {
        const from = createSampleStore();
        const names = edges.map((_, index) => `n${index}`);
        for (const [index, targets] of edges.entries()) {
          const references = [...new Set(targets.filter((target) => target <= index))].map((t) =>
            samplePath(names[t]!),
          );
          await from.add(names[index]!, references, 'x'.repeat((index * 7919) % 3000));
        }
        const backend = watchOrder(createMemoryBackend());
        const to = await openBinaryCacheStore(backend);
        const result = await copy(from, to, names.map(samplePath));
        expect(result.outcomes.map(({ error }) => error?.message).filter(Boolean)).toEqual([]);
        expect(result.copied).toBe(names.length);
        expect(backend.narinfos).toHaveLength(names.length);
      }),
      { numRuns: 30 },
    );
  });

  it('publishes nothing of a path that was changed after its registration, nor of what refers to it', async () => {
    const from = createSampleStore();
    const bad = await from.add('bad');
    const referrer = await from.add('referrer', [bad]);
    const good = await from.add('good');
    const recorded = from.paths.get(bad)!;
    recorded.nar = await narOf('something else');
    const backend = createMemoryBackend();
    const to = await openBinaryCacheStore(backend);

    const { outcomes } = await copy(from, to, [referrer, good]);
    expect(byName(outcomes)).toEqual({ bad: 'failed', referrer: 'failed', good: 'copied' });
    const error = outcomes.find(({ path }) => path === bad)!.error as NarMismatchError;
    expect(error).toBeInstanceOf(NarMismatchError);
    expect(error.message).toContain(formatHash(recorded.info.narHash, 'nix32'));
    expect(error.message).toContain(error.actual.narHash);
    expect(error.actual.narHash).not.toBe(error.expected.narHash);
    expect(outcomes.find(({ path }) => path === referrer)!.error).toMatchObject({
      code: 'reference-unavailable',
      cause: error,
    });
    const keys = await listKeys(backend);
    expect(keys.filter((key) => key.endsWith('.narinfo'))).toEqual([keyOf(good)]);
    expect(keys.filter((key) => key.startsWith('nar/')).length).toBeLessThanOrEqual(2);
  });

  it('fails a path that the source does not have, and copies the others', async () => {
    const from = createSampleStore();
    const good = await from.add('good');
    const broken = await from.add('broken', [samplePath('gone')]);
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, [samplePath('never-was'), good, broken]);
    expect(byName(outcomes)).toEqual({ 'never-was': 'failed', gone: 'failed', broken: 'failed', good: 'copied' });
    expect(outcomes[0]!.error).toMatchObject({ code: 'path-absent' });
  });

  it('leaves a corrupt narinfo alone and fails that path', async () => {
    const from = createSampleStore();
    const corrupt = await from.add('corrupt');
    const other = await from.add('other');
    const swapped = await from.add('swapped');
    const backend = createMemoryBackend();
    await backend.put(keyOf(corrupt), encodeUtf8('StorePath: nonsense\n'));
    const to = await openBinaryCacheStore(backend);
    await copy(from, to, [other]);
    const narinfo = (await readText(backend, keyOf(other)))!;
    await backend.put(keyOf(swapped), encodeUtf8(narinfo));
    const { outcomes } = await copy(from, to, [corrupt, other, swapped]);
    expect(byName(outcomes)).toEqual({ corrupt: 'failed', other: 'present', swapped: 'failed' });
    const errorOf = (path: StorePath): Error | undefined => outcomes.find((outcome) => outcome.path === path)?.error;
    expect(errorOf(corrupt)?.message).toContain(keyOf(corrupt));
    expect(errorOf(swapped)).toMatchObject({ code: 'narinfo-mismatch' });
    expect(await readText(backend, keyOf(corrupt))).toBe('StorePath: nonsense\n');
  });

  it('signs with the keys of the copy and of the store, and keeps what is signed', async () => {
    const here = generateSecretKey('here-1');
    const there = generateSecretKey('there-1');
    const elsewhere = generateSecretKey('elsewhere-1');
    const from = createSampleStore();
    const path = await from.add('signed');
    const { info } = from.paths.get(path)!;
    from.paths.set(path, {
      ...from.paths.get(path)!,
      info: { ...info, signatures: [signPathInfo(info, elsewhere, '/nix/store')] },
    });
    const to = await openBinaryCacheStore(createMemoryBackend(), { secretKeys: [there] });
    await copy(from, to, [path], { secretKeys: [here] });
    const written = (await to.queryPathInfo(path))!;
    expect(written.signatures.map((signature) => signature.split(':')[0])).toEqual([
      'elsewhere-1',
      'here-1',
      'there-1',
    ]);
    for (const [index, key] of [elsewhere, here, there].entries())
      expect(verifySignature(written, written.signatures[index]!, [key.publicKey], '/nix/store')).toBe(true);
  });

  it('adds signatures to what is there, but not to other contents under the same path', async () => {
    const key = generateSecretKey('late-1');
    const from = createSampleStore();
    const same = await from.add('same');
    const different = await from.add('different');
    const backend = createMemoryBackend();
    const to = await openBinaryCacheStore(backend);
    await copy(from, to, [same, different]);
    await from.add('different', [], 'built again, with another result');
    const events: CopyEvent[] = [];
    const result = await copy(from, to, [same, different], {
      secretKeys: [key],
      onEvent: (event) => events.push(event),
    });
    expect(result.present).toBe(2);
    expect((await to.queryPathInfo(same))!.signatures).toHaveLength(1);
    expect((await to.queryPathInfo(different))!.signatures).toHaveLength(0);
    expect(events.filter(({ type }) => type === 'warning')).toMatchObject([{ path: different }]);
    const before = await readText(backend, keyOf(same));
    await copy(from, to, [same], { secretKeys: [key] });
    expect(await readText(backend, keyOf(same))).toBe(before);
  });

  it('skips what an upstream key signed, and copies what refers to it', async () => {
    const from = createSampleStore();
    const upstream = await from.add('upstream', [], 'u', [`cache.nixos.org-1:${Buffer.alloc(64).toString('base64')}`]);
    const mine = await from.add('mine', [upstream]);
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, [mine], { skipSignedBy: ['cache.nixos.org-1'] });
    expect(byName(outcomes)).toEqual({ upstream: 'skipped', mine: 'copied' });
  });

  it('copies only what a trusted key signed, where keys are named', async () => {
    const trusted = generateSecretKey('trusted-1');
    const impostor = generateSecretKey('trusted-1');
    const from = createSampleStore();
    const signWith = (path: StorePath, key: typeof trusted): void => {
      const { info, nar } = from.paths.get(path)!;
      from.paths.set(path, { info: { ...info, signatures: [signPathInfo(info, key, '/nix/store')] }, nar });
    };
    const good = await from.add('good');
    const forged = await from.add('forged');
    const unsigned = await from.add('unsigned');
    const referrer = await from.add('referrer', [unsigned]);
    for (const [path, key] of [
      [good, trusted],
      [forged, impostor],
      [referrer, trusted],
    ] as const)
      signWith(path, key);
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, from.paths.keys(), { trustedPublicKeys: [trusted.publicKey] });
    expect(byName(outcomes)).toEqual({ good: 'copied', forged: 'failed', unsigned: 'failed', referrer: 'failed' });
    expect(outcomes.find(({ path }) => path === forged)!.error).toMatchObject({ code: 'path-untrusted' });
  });

  it('follows a source that invents a reference for each path no further than it is trusted', async () => {
    const key = generateSecretKey('trusted-1');
    const endless = createSampleStore();
    const first = await endless.add('first');
    let asked = 0;
    const invent = (path: StorePath): PathInfo => {
      asked++;
      const references = [samplePath(`${storePathName(path)}x`)];
      return { ...endless.paths.get(first)!.info, path, references };
    };
    const from: Store = {
      ...endless,
      queryPathInfo: async (path) => invent(path),
      queryPathInfos: async (paths) => new Map([...paths].map((path) => [path, invent(path)])),
    };
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, [first], { trustedPublicKeys: [key.publicKey] });
    expect(asked).toBe(1);
    expect(outcomes).toMatchObject([{ path: first, outcome: 'failed', error: { code: 'path-untrusted' } }]);
  });

  it('takes no key that signs on the way for one that vouches for the source', async () => {
    const key = generateSecretKey('own-1');
    const from = createSampleStore();
    const path = await from.add('unsigned');
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, [path], { secretKeys: [key], trustedPublicKeys: [key.publicKey] });
    expect(outcomes).toMatchObject([{ path, outcome: 'failed', error: { code: 'path-untrusted' } }]);
  });

  it('asks nobody for what the destination is known to have', async () => {
    const from = createSampleStore();
    const leaf = await from.add('leaf');
    const middle = await from.add('middle', [leaf]);
    const top = await from.add('top', [middle]);
    const asked: string[] = [];
    const backend = createMemoryBackend();
    const get: Backend['get'] = (key) => {
      asked.push(key);
      return backend.get(key);
    };
    const to = await openBinaryCacheStore({ ...backend, get });
    asked.length = 0;
    const { outcomes } = await copy(from, to, [top], { isKnown: (path) => path === middle || path === top });
    expect(byName(outcomes)).toEqual({ top: 'copied' });
    expect(asked).toEqual([keyOf(top)]);
  });

  it('copies no path without its closure, unless the closure is there', async () => {
    const from = createSampleStore();
    const leaf = await from.add('leaf');
    const top = await from.add('top', [leaf]);
    const to = await openBinaryCacheStore(createMemoryBackend());
    const refused = await copy(from, to, [top], { recursive: false });
    expect(byName(refused.outcomes)).toEqual({ top: 'failed' });
    expect(refused.outcomes[0]!.error!.message).toContain(leaf);
    await copy(from, to, [leaf], { recursive: false });
    expect(byName((await copy(from, to, [top], { recursive: false })).outcomes)).toEqual({ top: 'copied' });
  });

  it('refuses a circle of references and goes on with the rest', async () => {
    const from = createSampleStore();
    const a = await from.add('a', [samplePath('b')]);
    await from.add('b', [a]);
    const c = await from.add('c');
    const to = await openBinaryCacheStore(createMemoryBackend());
    const { outcomes } = await copy(from, to, [a, c]);
    expect(byName(outcomes)).toEqual({ a: 'failed', b: 'failed', c: 'copied' });
    expect(outcomes.find(({ path }) => path === a)!.error).toMatchObject({ code: 'reference-cycle' });
  });

  it('refuses a store of another store directory before anything is asked', async () => {
    const to = await openBinaryCacheStore(createMemoryBackend());
    await expect(copy(createSampleStore('/other/store'), to, [])).rejects.toMatchObject({ code: 'store-dir-mismatch' });
    const backend = createMemoryBackend();
    await backend.put('nix-cache-info', encodeUtf8('StoreDir: /other/store\n'));
    await expect(openBinaryCacheStore(backend)).rejects.toThrow(
      `is for Nix stores with prefix '/other/store', not '/nix/store'`,
    );
  });

  it('stops by the signal, and leaves no narinfo without its references', async () => {
    for (const stopAt of [1, 5, 20]) {
      const from = createSampleStore();
      let previous = await from.add('p0');
      for (let index = 1; index < 30; index++) previous = await from.add(`p${index}`, [previous]);
      const stop = new AbortController();
      const backend = watchOrder(createMemoryBackend());
      const to = await openBinaryCacheStore(backend);
      let seen = 0;
      const stopped = copy(from, to, [previous], {
        signal: stop.signal,
        onEvent: ({ type }) => {
          if (type === 'outcome' && ++seen === stopAt) stop.abort(new Error('enough'));
        },
      });
      await expect(stopped).rejects.toThrow('enough');
      const narinfos = (await listKeys(backend)).filter((key) => key.endsWith('.narinfo'));
      expect(narinfos.length).toBeLessThan(30);
      const settled = narinfos.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect((await listKeys(backend)).filter((key) => key.endsWith('.narinfo'))).toHaveLength(settled);
    }
  });

  it('tells what happens in the order in which it does', async () => {
    const from = createSampleStore();
    const path = await from.add('one');
    const to = await openBinaryCacheStore(createMemoryBackend());
    const events: CopyEvent[] = [];
    await copy(from, to, [path], { onEvent: (event) => events.push(event) });
    const { narSize } = from.paths.get(path)!.info;
    expect(events[0]).toEqual({ type: 'planned', paths: 1, narBytes: narSize });
    expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: { outcome: 'copied', path } });
    const bytes = events.reduce((sum, event) => sum + (event.type === 'progress' ? event.narBytes : 0), 0);
    expect(bytes).toBe(narSize);
  });
});
