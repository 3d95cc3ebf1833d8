/**
 * One line on a terminal that says how far a copy is: paths, bytes, rate, what is left.
 *
 * @module
 */
import type { CopyEvent } from '../copy/index.ts';
import type { Context } from './context.ts';
import { formatBytes } from './format-bytes.ts';
import { createRedrawnLine, type RedrawnLine } from './redrawn-line.ts';

/** A line that says how far a copy is. */
export interface ProgressLine extends RedrawnLine {
  onEvent(event: CopyEvent): void;
}

/** A progress line on the context's stderr. */
export function createProgressLine(context: Context, quiet: boolean): ProgressLine {
  const total = { paths: 0, narBytes: 0 };
  const done = { paths: 0, narBytes: 0 };
  const startedMs = performance.now();
  let planned = false;

  function describe(): string {
    if (!planned) return 'looking for what is missing';
    const seconds = (performance.now() - startedMs) / 1000;
    const bytesPerSecond = seconds > 0 ? done.narBytes / seconds : 0;
    const left = total.narBytes - done.narBytes;
    const secondsLeft = bytesPerSecond > 0 ? `, ${formatSeconds(left / bytesPerSecond)} left` : '';
    return (
      `[${done.paths}/${total.paths} paths, ${formatBytes(done.narBytes)}/${formatBytes(total.narBytes)}] ` +
      `${formatBytes(bytesPerSecond)}/s${secondsLeft}`
    );
  }

  return {
    ...createRedrawnLine(context, quiet, describe),
    onEvent(event) {
      if (event.type === 'planned') {
        planned = true;
        total.paths = event.paths;
        total.narBytes = event.narBytes;
      } else if (event.type === 'progress') done.narBytes = Math.min(total.narBytes, done.narBytes + event.narBytes);
      else if (event.type === 'outcome' && planned) done.paths++;
    },
  };
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}
