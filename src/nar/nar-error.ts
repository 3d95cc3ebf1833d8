/**
 * What can be wrong with a NAR.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/** These bytes are no NAR; the words are Nix's where Nix has words for it. */
export class NarFormatError extends NarkitError {
  /** Where in the NAR, in bytes from its start. */
  readonly offset: number;
  /** The object at stake, empty for the root; `undefined` before the root. */
  readonly path: string | undefined;

  constructor(problem: string, offset: number, path?: string, options?: ErrorOptions) {
    const place = path === undefined ? '' : ` in '${path === '' ? '/' : path}'`;
    super('nar-format', `bad archive: ${problem} (at byte ${offset}${place})`, options);
    this.offset = offset;
    this.path = path;
  }
}

/** This tree cannot be written as a NAR. */
export class NarWriteError extends NarkitError {
  /** The object at stake, empty for the root. */
  readonly path: string;

  constructor(problem: string, path: string, options?: ErrorOptions) {
    super('nar-write', `cannot write '${path === '' ? '/' : path}' into a NAR: ${problem}`, options);
    this.path = path;
  }
}
