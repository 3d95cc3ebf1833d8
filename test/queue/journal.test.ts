import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Journal, openJournal, type PathProgress } from '../../src/queue/index.ts';
import { samplePath } from '../copy/sample-store.ts';

const to = 's3://cache';
const progress = (name: string, more: Partial<PathProgress> = {}): PathProgress => ({
  path: samplePath(name),
  destination: to,
  progress: 'waiting',
  attempts: 1,
  sinceMs: 1000,
  ...more,
});
const byPath = (journal: Journal): PathProgress[] =>
  [...journal.entries()].sort((left, right) =>
    left.path + left.destination < right.path + right.destination ? -1 : 1,
  );

describe('a journal', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-journal-'));
    file = join(directory, 'journal.jsonl');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('knows after a restart what it knew before', async () => {
    const journal = await openJournal(directory);
    const parked = progress('a', {
      progress: 'parked',
      attempts: 10,
      lastError: { code: 'nar-mismatch', message: 'no' },
    });
    const waiting = progress('b', { nextAttemptMs: 2000 });
    journal.set(progress('a'));
    journal.set(parked);
    journal.set(waiting);
    journal.set(progress('b', { destination: 'other' }));
    journal.set(progress('c'));
    journal.forget(samplePath('c'));
    journal.forget(samplePath('b'), 'other');
    journal.pause(to);
    journal.pause();
    await journal.close();
    const again = await openJournal(directory, { readOnly: true });
    expect(byPath(again)).toEqual([parked, waiting].sort((left, right) => (left.path < right.path ? -1 : 1)));
    expect([again.isPaused(), again.isPaused(to)]).toEqual([true, true]);
    again.resume();
    expect([again.isPaused(), again.isPaused(to), again.isPaused('other')]).toEqual([false, true, false]);
    again.resume(to);
    await again.close();
    expect((await openJournal(directory)).isPaused(to)).toBe(true);
  });

  it('is read up to where a crash, or worse, damaged it, and written on behind that', async () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('{"path":"x","to":"y","progress":"done","attempts":0,"since":0}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.nat(200), async (lines, cut) => {
        await rm(file, { force: true });
        const journal = await openJournal(directory);
        journal.set(progress('a'));
        await journal.close();
        await appendFile(file, lines.join('\n'));
        const whole = await openJournal(directory);
        expect(whole.get(samplePath('a'), to)).toEqual(progress('a'));
        whole.set(progress('b'));
        await whole.close();
        expect((await openJournal(directory)).get(samplePath('b'), to)).toEqual(progress('b'));
        await writeFile(file, (await readFile(file)).subarray(0, cut));
        await openJournal(directory);
      }),
      { numRuns: 50 },
    );
  });

  it('grows no longer than what it knows is long', async () => {
    const journal = await openJournal(directory);
    for (let attempts = 0; attempts < 20_000; attempts++) {
      journal.set(progress('a', { attempts, lastError: { code: 'x', message: 'y'.repeat(5000) } }));
      if (attempts % 100 === 0) await journal.flush();
    }
    await journal.close();
    expect((await stat(file)).size).toBeLessThan(2_000_000);
    expect((await openJournal(directory)).get(samplePath('a'), to)?.attempts).toBe(19_999);
    await journal.compact();
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('leaves a file alone for a while that cannot be written, however much there is to note', async () => {
    const errors: unknown[] = [];
    const journal = await openJournal(directory, { onError: (error) => errors.push(error) });
    await mkdir(file);
    journal.set(progress('a'));
    await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: 20_000 });
    // Who tries again writes to this, and removes it.
    await writeFile(`${file}.new`, 'untouched');
    for (let attempts = 0; attempts < 100; attempts++) {
      journal.set(progress('a', { attempts }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await readFile(`${file}.new`, 'utf8')).toBe('untouched');
    await rm(file, { recursive: true });
    await journal.close();
    expect((await openJournal(directory)).get(samplePath('a'), to)?.attempts).toBe(99);
  });

  it('goes on without its file, which has all again as soon as it can be written', async () => {
    const journal = await openJournal(directory);
    journal.set(progress('a'));
    await journal.flush();
    await rm(directory, { recursive: true });
    journal.set(progress('b'));
    await expect(journal.flush()).rejects.toThrow('ENOENT');
    expect(journal.get(samplePath('b'), to)).toEqual(progress('b'));
    await mkdir(directory);
    await journal.flush();
    expect(byPath(await openJournal(directory))).toHaveLength(2);
  });
});
