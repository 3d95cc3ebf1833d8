/**
 * A run of narkit that says what memory it took, and how long its event loop stood still.
 *
 * @module
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { runProcess } from '../run-process.ts';

/** What a run took. */
export interface Cost {
  readonly milliseconds: number;
  readonly peakBytes: number;
  /** The longest that the event loop stood still. */
  readonly longestStallMs: number;
}

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Run the command line, which must succeed, with the Node that runs this. */
export async function runNarkit(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Cost> {
  const directory = await mkdtemp(join(tmpdir(), 'narkit-run-'));
  const report = join(directory, 'report.json');
  try {
    const { milliseconds } = await runProcess(
      {
        file: process.execPath,
        args: ['--import', fromRoot('bench/report-memory.mjs'), fromRoot(manifest.bin.narkit), ...args],
        env: { ...process.env, ...env, NARKIT_BENCH_REPORT: report },
      },
      { logFile: join(directory, 'said') },
    );
    return { milliseconds, ...JSON.parse(await readFile(report, 'utf8')) };
  } finally {
    await rm(directory, { recursive: true });
  }
}
