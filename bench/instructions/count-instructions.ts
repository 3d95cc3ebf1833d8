/**
 * How many instructions the processor carries out for a piece of work: a figure that no other work on the machine changes.
 *
 * Counted by valgrind, for so many repetitions and for twice as many: the difference is without Node's start, and without the compilation of
 * what is hot.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A kind of work. */
export interface CountedWork {
  readonly name: string;
  /** What one repetition is. */
  readonly unit: string;
  /** A program that does its work as often as its argument says. */
  readonly program: string;
  /** Enough for V8 to have compiled what it compiles. */
  readonly repetitions: number;
}

export const countedWorks: readonly CountedWork[] = [
  { name: 'NAR writing', unit: 'MiB in 64 files', program: 'nar-writing.mjs', repetitions: 300 },
  { name: 'narinfo parsing', unit: 'narinfo', program: 'narinfo-parsing.mjs', repetitions: 3000 },
  { name: 'nix32', unit: 'hash, there and back', program: 'nix32.mjs', repetitions: 20_000 },
];

/** Nothing beside the main thread, and nothing by chance. */
const nodeFlags = ['--predictable', '--hash-seed=1', '--random-seed=1'];
const valgrindFlags = [
  ...['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null'],
  // V8 writes code that it runs.
  '--smc-check=all-non-file',
];

/** Why nothing can be counted here, if so. */
export async function whyNoCounts(): Promise<string | undefined> {
  return promisify(execFile)('valgrind', ['--version']).then(
    () => undefined,
    () => 'no valgrind',
  );
}

/** The instructions of one repetition. */
export async function countInstructions(node: string, { program, repetitions }: CountedWork): Promise<number> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const [once, twice] = await Promise.all([count(node, path, repetitions), count(node, path, 2 * repetitions)]);
  return (twice - once) / repetitions;
}

async function count(node: string, program: string, repetitions: number): Promise<number> {
  const args = [...valgrindFlags, node, ...nodeFlags, program, String(repetitions)];
  const { stderr } = await promisify(execFile)('valgrind', args, { env: { ...process.env, NODE_OPTIONS: '' } });
  return readCount(stderr);
}

/** The sum in what valgrind says: `==123== I   refs:      654,724,942`. */
export function readCount(said: string): number {
  const digits = /^==\d+== I\s+refs:\s+([\d,]+)$/m.exec(said)?.[1];
  if (digits === undefined) throw new Error(`valgrind does not say how many instructions there were:\n${said}`);
  return Number(digits.replaceAll(',', ''));
}
