/** `narkit key`, and real Nix with the keys of both. */
import { describe, expect, test } from 'vitest';
import { createNixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';
import { runNarkit } from './run-narkit.ts';

const convert = ['key', 'convert-secret-to-public'];
const generate = ['key', 'generate-secret', '--key-name', 'cache.example.org-1'];

describeNix('key', (nix) => {
  test('each makes keys that the other reads, without a newline', async () => {
    const place = await createNixPlace(nix);
    try {
      const keys = [(await place.run('nix', generate)).stdout.toString(), (await runNarkit(generate)).stdout];
      for (const input of keys) {
        expect(input).toMatch(/^cache\.example\.org-1:[A-Za-z0-9+/]{86}==$/);
        const theirs = (await place.run('nix', convert, { input })).stdout.toString();
        expect(await runNarkit(convert, { input })).toMatchObject({ exitCode: 0, stdout: theirs, stderr: '' });
        expect(await runNarkit(convert, { input: `${input}\n` })).toMatchObject({ stdout: theirs });
      }
    } finally {
      await place.remove();
    }
  });
});

describe('a secret key that is none', () => {
  test.each(['', 'garbage', 'name:AAAA', 'name:'])('is refused, and not repeated: "%s"', async (input) => {
    const { exitCode, stdout, stderr } = await runNarkit(convert, { input });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: secret key is /);
    expect(stderr).not.toContain('AAAA');
  });
  test.each(['', 'with:colon', 'with space'])('a name that is none makes no key: "%s"', async (name) => {
    const { exitCode, stdout } = await runNarkit(['key', 'generate-secret', '--key-name', name]);
    expect([exitCode, stdout]).toEqual([1, '']);
  });
});
