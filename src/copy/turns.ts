/**
 * Loops over thousands of paths that leave others their turn.
 *
 * @module
 */

/** Some milliseconds of them. */
const pathsPerTurn = 1024;

/** To be called after each path: every so many, what waits for the event loop has its turn. */
export function createTurns(): { afterPath(): Promise<void> | undefined } {
  let paths = 0;
  return {
    afterPath() {
      paths++;
      return paths % pathsPerTurn === 0 ? new Promise((resolve) => setTimeout(resolve)) : undefined;
    },
  };
}
