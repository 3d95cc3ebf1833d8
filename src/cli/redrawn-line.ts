/**
 * One line on a terminal that is redrawn in place.
 *
 * @module
 */
import type { Context } from './context.ts';

const redrawMs = 100;
const eraseLine = '\r\u001b[K';

/** A line that is redrawn in place, and is not there at all where there is no terminal. */
export interface RedrawnLine {
  /** Print lines of another kind: they stay above this one. */
  above(print: () => void): void;
  /** Take the line away. */
  end(): void;
}

/** Nix shows progress under the same conditions (`src/libutil/terminal.cc`, `isTTY`). */
function isTerminal(context: Context): boolean {
  const { TERM = 'dumb', NO_COLOR } = context.env;
  return context.stderr.isTTY === true && TERM !== 'dumb' && (NO_COLOR === undefined || NO_COLOR === '');
}

/** A line on the context's stderr that says what `describe` says now. */
export function createRedrawnLine(context: Context, quiet: boolean, describe: () => string): RedrawnLine {
  if (quiet || !isTerminal(context)) return { above: (print) => print(), end() {} };
  let drawn = false;
  const timer = setInterval(draw, redrawMs);
  timer.unref();

  function erase(): void {
    if (drawn) context.stderr.write(eraseLine);
    drawn = false;
  }

  function draw(): void {
    const width = (context.stderr.columns || 80) - 1;
    context.stderr.write(`${eraseLine}${describe().slice(0, width)}`);
    drawn = true;
  }

  return {
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
