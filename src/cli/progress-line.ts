/**
 * One line on a terminal that says how far a copy is: paths, bytes, rate, what is left.
 *
 * @module
 */
import type { CopyEvent } from '../copy/index.ts';
import type { Context } from './context.ts';
import { formatBytes } from './format-bytes.ts';

const redrawMs = 100;
const eraseLine = '\r\u001b[K';

/** A line that is redrawn in place, and is not there at all where there is no terminal. */
export interface ProgressLine {
  onEvent(event: CopyEvent): void;
  /** Print lines of another kind: they stay above the progress line. */
  above(print: () => void): void;
  /** Take the line away. */
  end(): void;
}

/** Nix shows progress under the same conditions (`src/libutil/terminal.cc`, `isTTY`). */
function isTerminal(context: Context): boolean {
  const { TERM = 'dumb', NO_COLOR } = context.env;
  return context.stderr.isTTY === true && TERM !== 'dumb' && (NO_COLOR === undefined || NO_COLOR === '');
}

/** A progress line on the context's stderr. */
export function createProgressLine(context: Context, quiet: boolean): ProgressLine {
  if (quiet || !isTerminal(context)) return { onEvent() {}, above: (print) => print(), end() {} };
  const total = { paths: 0, narBytes: 0 };
  const done = { paths: 0, narBytes: 0 };
  const startedMs = performance.now();
  let planned = false;
  let drawn = false;

  const timer = setInterval(draw, redrawMs);
  timer.unref();

  function erase(): void {
    if (drawn) context.stderr.write(eraseLine);
    drawn = false;
  }

  function draw(): void {
    const text = planned ? describe() : 'looking for what is missing';
    const width = (context.stderr.columns || 80) - 1;
    context.stderr.write(`${eraseLine}${text.slice(0, width)}`);
    drawn = true;
  }

  function describe(): string {
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
    onEvent(event) {
      if (event.type === 'planned') {
        planned = true;
        total.paths = event.paths;
        total.narBytes = event.narBytes;
      } else if (event.type === 'progress') done.narBytes = Math.min(total.narBytes, done.narBytes + event.narBytes);
      else if (event.type === 'outcome' && planned) done.paths++;
    },
    above(print) {
      erase();
      print();
    },
    end() {
      clearInterval(timer);
      erase();
    },
  };
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}
