/**
 * The files of docs/runtimes.md.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GuideStep, parseGuide } from '../docs/guide.ts';

/** What a reader of the guide writes and runs. */
export const guide: readonly GuideStep[] = parseGuide(
  readFileSync(join(import.meta.dirname, '../../docs/runtimes.md'), 'utf8'),
);

/** The text of one file. */
export function guideFile(path: string): string {
  const step = guide.find((candidate) => candidate.kind === 'file' && candidate.path === path);
  if (step?.kind !== 'file') throw new Error(`the guide has no ${path}`);
  return step.text;
}
