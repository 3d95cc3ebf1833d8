/** The fuzzer for a moment: what it found before (`fixtures/fuzz`), and the same made-up cases each time. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bench/fuzz.mjs', import.meta.url));

test('nothing is found', async () => {
  const child = spawn(process.execPath, [program, '--seed', '1', '--cases', '3000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = await text(child.stdout);
  expect(said).toContain(': 0 found');
  expect(await ended).toBe(0);
});
